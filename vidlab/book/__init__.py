"""The Jupyter Book: one page a lab from its executed quick profile, the scoreboard, the API.

Sphinx builds it from ``book/`` (prose, ``_toc.yml``, ``conf.py``) and from run folders. It needs
the ``book`` extra, no network and no Node; the pages load nothing from elsewhere.
"""
