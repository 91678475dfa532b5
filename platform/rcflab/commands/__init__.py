"""One module a command: parse, call, print. Loaded only when the command is called."""
