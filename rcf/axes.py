"""Letters of the axes in all signatures.

B  clips in a batch          T  target frames of a clip       R  reference frames of a target (0..5)
N  frames (any grouping)     Q  queries = instance slots      K  side of the compressed reference grid
C  channels of a feature     D  width of the tokens           F  width of the dynamic filters
H W  height, width           L  tokens (L = H W of a map)     S  decoder layers (deep supervision)
M  instances in one frame    G  categories + 1 (the last is "empty")
A  hops of 10 ms in a log-mel patch   E  mel bins (64)   V  width of a frame's audio feature
"""
