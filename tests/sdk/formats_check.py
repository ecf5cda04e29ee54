#!/usr/bin/env python3
"""Checks what tests/it/formats/oracle.rs wrote: formats_check.py FOLDER

contents.jsonl: every content, read into the Alert model of the vendor's SDK and written again, is what it was.
expressions.jsonl: PyPI's jq gives for every expression and every document of documents.jsonl what our engine gave; own functions come from own_functions.jq,
and expressions that call the rest of them (OWN) are left out, and counted.
Exit code 0 only if all holds, for at least as many as there were.
"""

import json
import pathlib
import re
import sys
import warnings

import jq
from huaweicloudsdkcore.utils.http_utils import sanitize_for_serialization
from huaweicloudsdksecmaster.v1 import SecMasterClient
from huaweicloudsdksecmaster.v1.model.alert import Alert

# Own functions that jq cannot express in a few lines.
OWN_NAMES = ["secmaster_time", "uuid5"]
OWN = re.compile(rf"\b({'|'.join(OWN_NAMES)})\b")
PRELUDE = (pathlib.Path(__file__).parent / "own_functions.jq").read_text(encoding="utf-8")
FORMATS = 16
# What there was when this was written; fewer means that something is no longer looked at.
CONTENTS = 33
COMPARED = 350
RECORD = {
    "topic": "soc.alerts",
    "partition": 1,
    "offset": 7,
    "timestamp": 1795169046500,
    "key": None,
    "headers": {},
}


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def same(ours, theirs):
    """Equal values of equal types; a float and an integer of the same value are one number, as in JSON."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(value, theirs[name]) for name, value in ours.items())
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    return ours == theirs


def contents(path):
    # The SDK converts what is of another type, with a warning or in silence: then it is not equal.
    warnings.simplefilter("error")
    client = SecMasterClient()
    formats, wrong, count = set(), [], 0
    for line in lines(path):
        count += 1
        formats.add(line["format"])
        model = client._deserialize(line["content"], Alert)
        again = sanitize_for_serialization(model)
        if not same(line["content"], again):
            wrong.append(f"{line['format']}/{line['fixture']}: {line['content']}\n  is for the SDK {again}")
    assert not wrong, "\n".join(wrong)
    assert len(formats) == FORMATS and count >= CONTENTS, (sorted(formats), count)
    print(f"the SDK's Alert model takes {count} contents of {len(formats)} formats with equal values")


def nothing(value):
    return value is None or value == {} or value == []


def theirs(program, document):
    """What jq gives, as the oracle writes it. Results pass as text: jq's own numbers are doubles."""
    try:
        results = program.input_value(document).all()
    except ValueError:
        return {"fault": True}
    if len(results) > 1:
        return {"fault": True}
    value = json.loads(results[0]) if results else None
    return {} if nothing(value) else {"value": value}


def expressions(folder):
    documents = lines(folder / "documents.jsonl")
    wrong, compared, excluded, formats = [], 0, [], set()
    for line in lines(folder / "expressions.jsonl"):
        expression = line["expression"]
        if OWN.search(expression):
            excluded.append(expression)
            continue
        compared += 1
        formats.update(place.split(":")[0] for place in line["places"])
        program = jq.compile(f"{PRELUDE}\n({expression}\n) | tojson", args={"record": RECORD})
        assert len(line["outcomes"]) == len(documents)
        for ours, document in zip(line["outcomes"], documents):
            result = theirs(program, document["document"])
            if not ("fault" in ours and "fault" in result) and not same(ours, result):
                place = f"{line['places'][0]} on {document['name']}: `{expression}`"
                wrong.append(f"{place}\n  ours   {ours}\n  theirs {result}")
    assert not wrong, "\n".join(wrong)
    assert len(documents) >= CONTENTS, len(documents)
    assert len(formats) == FORMATS and compared >= COMPARED, (sorted(formats), compared)
    print(
        f"PyPI's jq agrees on {compared} expressions for {len(documents)} documents each; {len(excluded)} that call "
        f"{' or '.join(OWN_NAMES)} are left out"
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    contents(folder / "contents.jsonl")
    expressions(folder)
