"""Blocks that more than one paper uses: CTC tools, decoding, classifiers, frame encoders."""
