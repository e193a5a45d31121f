"""placeholder"""
def page(found, told): return "<html></html>"
