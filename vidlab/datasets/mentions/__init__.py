"""Data-set mentions in scientific text: a weakly labelled corpus, its faults, and honest splits.

``windows`` holds the types, ``bio`` reads and writes the file, ``names`` is the list of data
sets, ``audit`` says what kind of window each is, ``silver`` adds the labels that the file lacks,
``splits`` cuts it into train and test, ``leakage`` counts what test windows share with training
windows, ``synthetic`` writes a corpus with the same faults, and ``baselines`` are the bounds
that a model has to beat.
"""
