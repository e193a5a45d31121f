"""The report: what every stage left behind is read, put into figures, and told on one page that needs nothing else.

`gather` reads folders, `figures` makes report.json, `page` makes report.html with `charts`, the templates and the style
beside them. The charts are drawn here as SVG: a plotting library's script alone would be forty times the whole page.
"""
