def check(f): return []
def check_edition(f,e): return []
