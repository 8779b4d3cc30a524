"""Reports: one page that shows what became of a study. Needs ``bohb[report]``."""

from bohb.report.page import report_page, write_report

__all__ = ["report_page", "write_report"]
