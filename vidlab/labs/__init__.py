"""The lab runtime: the catalogue, parameters, records, running notebooks.

Nothing is imported here, so that each part costs only what it needs.
"""
