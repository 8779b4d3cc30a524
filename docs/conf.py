"""Configuration of the documentation."""

import importlib.util
import logging
import sys
from pathlib import Path

import optuna

import bohb

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # what draws pictures for the pages lies beside them

import api_pages  # noqa: E402
import floors  # noqa: E402
import plots  # noqa: E402

logging.getLogger("distributed").setLevel(logging.WARNING)
logging.getLogger("bohb").setLevel(logging.ERROR)  # what programs print is enough
optuna.logging.set_verbosity(optuna.logging.WARNING)
api_pages.write(HERE / "api")
plots.draw(HERE / "pictures")
floors.draw(HERE / "pictures" / "floors.svg")

project = "bohb"
author = "The bohb authors"
project_copyright = "2026, the bohb authors"
release = bohb.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "reference.md", "gallery/*.py", "gallery/*.ipynb", "gallery/*.zip"]
# Programs named plot_* are run by the build, and those of frameworks where these are installed.
modules = {"keras", "lightgbm", "lightning", "torch", "xgboost"}
names = [each.replace("torch", "pytorch") for each in modules if importlib.util.find_spec(each)]
sphinx_gallery_conf = {
    "examples_dirs": str(HERE.parent / "examples" / "gallery"),
    "gallery_dirs": "gallery",
    "filename_pattern": "|".join([r"/plot_", *(f"/with_{name}" for name in sorted(names))]),
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_memory": False,
    "first_notebook_cell": None,
    "plot_gallery": True,
    "abort_on_example_error": True,
}
html_theme = "furo"
html_title = "bohb"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_member_order = "bysource"
# The frameworks are large, and their callbacks are described without them.
autodoc_mock_imports = [
    "keras",
    "lightning",
    "mlflow",
    "ray.tune",
    "tensorboardX",
    "transformers",
    "wandb",
]
napoleon_google_docstring = False
default_role = "code"
myst_heading_anchors = 3
