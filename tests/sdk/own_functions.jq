# alertbridge's own functions in jq, for the comparison of the shipped expressions with another engine.

def to_number: if type == "number" then . elif type == "string" then (tonumber? // null) else null end;
def from_json: if type == "string" then fromjson else . end;
def own_words: [.. | strings | split(",")[] | split(";")[] | gsub("^\\s+|\\s+$"; "") | sub("^(attack\\.|ATTACK\\.|mitre_)"; "")];
def own_once: reduce .[] as $id ([]; if index($id) then . else . + [$id] end);
def attack_techniques: [own_words[] | ascii_upcase | select(test("^T[0-9]{4}(\\.[0-9]{3})?$"))] | own_once;
def attack_tactics:
  {reconnaissance: "TA0043", resourcedevelopment: "TA0042", initialaccess: "TA0001", execution: "TA0002",
   persistence: "TA0003", privilegeescalation: "TA0004", defenseevasion: "TA0005", credentialaccess: "TA0006",
   discovery: "TA0007", lateralmovement: "TA0008", collection: "TA0009", commandandcontrol: "TA0011",
   exfiltration: "TA0010", impact: "TA0040"} as $ids
  | [own_words[]
     | if test("^(TA|ta)[0-9]{4}$") then ascii_upcase else $ids[ascii_downcase | gsub("[^a-z]"; "")] // empty end]
  | own_once;
