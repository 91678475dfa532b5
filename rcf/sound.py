"""What a log-mel patch is made of, for the parts that make it and the parts that use it (appendix VIII).

16 kHz mono --10 ms hops--> 64 mel bins of magnitudes --log(x + 0.01)--> patch A E
"""

import math

SAMPLE_RATE = 16_000
"""Samples a second after resampling."""
HOP = 160
"""Samples between two columns of the spectrogram: 10 ms."""
HOPS_PER_SECOND = SAMPLE_RATE // HOP
MEL_BINS = 64
OFFSET = 0.01
"""Added to each mel magnitude, so that silence has a logarithm."""
SILENCE = math.log(OFFSET)
"""Value of every bin where nothing is heard."""
