"""The bold labels that mark the parts of an interview question in Markdown.

Owns how a label may be written. What stands below one is read by `interview`; what of it may
be quoted is told by the package itself.
"""

import re

LABEL = re.compile(
    r"""[ \t>]*+ (?:(?:[-*+]|\d{1,3}[.)])[ \t]++)*+ (?P<mark>\*\*|__)
    (?:(?P<question>Q|(?i:question))
      |(?P<weak>(?i:(?:weak|bad|poor)[ ]answer))
      |(?P<answer>A|(?i:(?:strong[ ]|good[ ]|model[ ])?answer))
      |(?P<points>(?i:key[ ]points))
      |(?P<claims>(?i:wrong[ ]claims))
      |(?P<follow_up>(?i:follow[- ]ups?)))
    [ ]?\d{0,3}
    (?: (?P=mark)[ \t]*[:.] | [:.][ \t]*(?P=mark) | (?P=mark)[ \t]*(?=[\r\n]|\Z) | (?P<open>[:.])(?=[ \t]*\S) )""",
    re.VERBOSE,
)
KINDS = {"question", "weak", "answer", "points", "claims", "follow_up"}
