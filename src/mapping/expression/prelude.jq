# Prices for regular expressions (see regex_price.rs), and for what replaces character by character. Comes before jaq's own definitions, which call these.

def matches($re; $flags): regex_price($re; $flags) | unpriced_matches($re; $flags);
def split_matches($re; $flags): regex_price($re; $flags) | unpriced_split_matches($re; $flags);
def split_($re; $flags): regex_price($re; $flags) | unpriced_split_($re; $flags);
def escape_html: text_price | unpriced_escape_html;
def unescape_html: text_price | unpriced_unescape_html;
def encode_uri: text_price | unpriced_encode_uri;
