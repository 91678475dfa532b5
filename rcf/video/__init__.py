"""Video in and out around a stream, one frame after the other.

    FrameSource   video file | folder of images | camera or address | raw frames   --SourceFrame--> session
    session       sound buffer, network, identities, output mode                   --Shown--------> FrameSinks
    FrameSink     overlay video | folder of PNG | masks | JSON lines | timeline

PyAV (`pip install 'rcflab[video]'`) is loaded only where a video is read or written.
"""
