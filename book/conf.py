"""Sphinx's settings. Build with `make book` or `vidlab book`, which put the pages together."""

import warnings

import vidlab

project = "vidlab"
author = "The vidlab developers"
copyright = "The vidlab developers, Apache-2.0"
release = vidlab.__version__

extensions = [
    "myst_nb",
    "sphinx_external_toc",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "vidlab.book.mathml",
]
external_toc_path = "_toc.yml"
exclude_patterns = ["records", "images/*.py"]

# The labs are executed already; explorers bring an HTML form that needs no kernel.
nb_execution_mode = "off"
nb_ipywidgets_js = {}
nb_mime_priority_overrides = [("html", "text/html", 1)]
nb_merge_streams = True
html_show_search_summary = False  # from the disk a page may not read another one
myst_enable_extensions = [
    "amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath", "html_admonition",
    "html_image",
]  # fmt: skip
myst_heading_anchors = 3
html_math_renderer = "mathml"

napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
add_module_names = False
python_use_unqualified_type_names = True
nitpicky = False

html_theme = "sphinx_book_theme"
html_title = "vidlab"
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_permalinks_icon = "#"
html_context = {"default_mode": "auto"}
html_theme_options = {
    "home_page_in_toc": True,
    "use_fullscreen_button": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "navigation_with_keys": False,
    "navbar_persistent": [],
}
warnings.filterwarnings("ignore", category=DeprecationWarning)
