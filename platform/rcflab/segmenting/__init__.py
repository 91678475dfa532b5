"""What `rcflab segment` does around a stream: stop, save, tell.

signals --Stopping--> stop after a whole frame        FILE --SavedStream--> go on        times --told--> table, JSON
"""
