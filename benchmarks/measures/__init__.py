"""What the commands measure with: corpora, stand-in models and clusters made on the spot, and a watch over processes.

`reckoning` measures nothing: it takes what was measured on to 100,000 hours.
"""
