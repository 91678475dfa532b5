"""Designs: a few factors and a rule in the place of a list of arms.

    factors, design, when, generators --read--> Design --count_arms--> how many, without listing them
                                                       --name_arms--> arm name -> level of each factor
                                                       --fraction--> resolution, aliases
                                                       --arms--> the layer as if the arms had been written

Pure. The terms are those of Box, Hunter and Hunter, Statistics for Experimenters.
"""
