"""The step of a stream as one function of tensors, for ONNX Runtime and torch.export.

    frame, sound, state --StreamStep--> slots (fired, identities, classes, masks), state    fixed sizes, zeros at first

`pip install 'rcflab[export]'` for ONNX; torch.export needs nothing more.
"""
