# Prices for regular expressions (see regex_price.rs). Comes before jaq's own definitions, which call these.

def matches($re; $flags): regex_price($re) | unpriced_matches($re; $flags);
def split_matches($re; $flags): regex_price($re) | unpriced_split_matches($re; $flags);
def split_($re; $flags): regex_price($re) | unpriced_split_($re; $flags);
