"""The report: complete in itself, true to the study, and safe with any names."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser

import optuna
import pytest
from studies import study_of

import bohb
from bohb.errors import ArgumentError, MissingDependencyError
from bohb.report import report_page


class Page(HTMLParser):
    """Reads a page, and keeps its texts and where it points to."""

    def __init__(self, text):
        super().__init__()
        self.texts, self.links, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.texts))


def loss(trial):
    return (trial.suggest_float("x", 0, 1) - 0.4) ** 2 + 1 / trial.resource


def page_of(study):
    page = Page(report_page(study))
    assert page.open == []
    return page


def test_the_page_says_what_was_found_and_what_was_saved():
    study = study_of()
    study.optimize(loss)
    page = page_of(study)
    best = study.incumbent()
    assert f"{best.value:.6g} the best value, of trial {best.number} at resource 9" in page.text
    assert "in 20 evaluations of 15 trials" in page.text
    plan = study.plan()
    saved = 100 * (1 - plan.resource_continued / (15 * 9))
    assert f"{saved:.0f} % saved: {plan.resource_continued} units" in page.text
    assert "Hyperband, 1 round of 3 brackets" in page.text
    assert len([link for link in page.links if link.startswith("data:image/png")]) == 8


def test_the_page_needs_no_network():
    study = study_of()
    study.optimize(loss)
    page = page_of(study)
    assert all(link.startswith("data:") for link in page.links)
    assert "http" not in re.sub(r"base64,[\w+/=]+", "", report_page(study))


def test_names_and_errors_are_shown_as_they_are():
    def fails(trial):
        trial.suggest_categorical("<b>kind</b>", ["<script>alert(1)</script>", "b"])
        if trial.number == 1:
            raise ValueError("<img src=x> & more")
        return loss(trial)

    study = study_of(study_name="<i>mine</i>")
    study.optimize(fails, catch=ValueError)
    page = page_of(study)
    assert "<i>mine</i>" in page.text
    assert "<img src=x> & more" in page.text
    assert "script" not in page.open
    assert "<script" not in report_page(study)


def test_a_study_without_results_has_a_page_that_says_why():
    study = study_of()
    assert "no trial has a finite value" in page_of(study).text

    def fails(trial):
        raise ValueError("never works")

    study.optimize(fails, n_trials=2, catch=ValueError)
    page = page_of(study)
    assert "2 failed" in page.text
    assert "ValueError: never works" in page.text


def test_the_best_is_compared_with_the_default_configuration_if_there_is_one():
    from ConfigSpace import ConfigurationSpace, Float

    space = ConfigurationSpace(space={"x": Float("x", (0, 1), default=1.0)})
    study = study_of(space=space)
    study.optimize(lambda trial: (trial.config["x"] - 0.4) ** 2 + 1 / trial.resource)
    assert "1.36 the default configuration at resource 1" in page_of(study).text


def test_secrets_of_a_storage_are_not_shown(tmp_path):
    study = study_of(storage=f"sqlite:///{tmp_path}/study.db")
    study.optimize(loss)
    study._storage._backend.url = "mysql://me:secret@host/db"
    text = report_page(study)
    assert "secret" not in text
    assert "mysql://me:***@host/db" in text


def test_a_report_is_written_into_a_file_that_can_be_written(tmp_path):
    study = study_of()
    study.optimize(loss)
    assert study.report(tmp_path / "run.html").read_text().startswith("<!DOCTYPE html>")
    with pytest.raises(ArgumentError, match="path must be a file that can be written"):
        study.report(tmp_path / "nowhere" / "run.html")


def test_what_has_no_rungs_and_what_is_not_installed_is_told(monkeypatch):
    with pytest.raises(ArgumentError, match=r"a report needs a bohb\.Study whose pruner"):
        report_page(optuna.create_study())
    study = study_of()
    study.optimize(loss)
    for name in ("jinja2", "matplotlib.backends.backend_agg"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            with pytest.raises(MissingDependencyError, match=r"pip install 'bohb\[report\]'"):
                report_page(study)


def test_studies_and_plans_show_themselves_in_notebooks():
    study = study_of(study_name="<mine>")
    assert "&lt;mine&gt;" in study._repr_html_()
    study.optimize(loss)
    shown = study._repr_html_()
    Page(shown)
    assert "of trial" in shown
    plan = Page(study.plan()._repr_html_())
    assert "bracket 2" in plan.text
    assert bohb.create_study()._repr_html_()
