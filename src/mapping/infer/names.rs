//! The fields of the alert that are guessed, and how products call them.

use serde_json::Value;

use super::values;

/// How a value is made fit for its field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// A text; a number is written as one.
    Text,
    /// As it is.
    AsIs,
    /// A number; a text is read as one.
    Number,
    Time,
    Attack,
    UpperCase,
}

/// A field of the alert and how it may be called elsewhere.
pub(super) struct Role {
    /// Its path; a list's name stands without a number.
    pub(super) target: &'static str,
    pub(super) form: Form,
    pub(super) accepts: fn(&Value) -> bool,
    names: &'static str,
}

impl Role {
    /// The words that a path ends in, each with how sure that is, up to 99.
    pub(super) fn names(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let entries = self.names.split(',').map(str::trim);
        entries.filter_map(|entry| entry.rsplit_once(' ')).filter_map(|(name, score)| Some((name, score.parse().ok()?)))
    }
}

const fn role(target: &'static str, form: Form, accepts: fn(&Value) -> bool, names: &'static str) -> Role {
    Role { target, form, accepts, names }
}

fn is_time(value: &Value) -> bool {
    values::time(value).is_some()
}

/// In the order in which fields are chosen; what is chosen is not chosen again.
pub(super) const ROLES: &[Role] = &[
    role(
        "id",
        Form::AsIs,
        values::is_id,
        "case 82, ticket 80, reference 78, ref 78, alert id 98, alert uuid 98, event uuid 96, event id 92, finding id 94, detection id 94, uuid 94, \
         guid 92, uid 84, notable id 90, case id 84, incident id 84, id 97",
    ),
    role(
        "severity",
        Form::AsIs,
        values::is_severity,
        "alert severity 98, severity 96, sev 92, severity level 94, severity id 88, level 82, alert level 88, \
         rule level 88, threat level 86, urgency 80, priority 78, prio 78, risk score 76, risk level 84, risk \
         72, score 60, criticality 78, rating 62",
    ),
    role(
        "title",
        Form::Text,
        values::is_text,
        "threat 86, kind 52, alert title 99, title 97, alert name 96, headline 92, summary 84, rule name 90, signature 88, rule \
         title 90, detection name 90, event name 84, threat name 84, subject 82, rule 84, alert 80, rule \
         description 80, name 74, message 68, msg 68, description 64, category 50, event type 46",
    ),
    role(
        "description",
        Form::Text,
        values::is_text,
        "alert description 97, description 95, desc 92, details 86, detail 84, reason 82, message 84, msg 82, \
         explanation 84, summary 78, text 62, note 60",
    ),
    role(
        "count",
        Form::Number,
        values::is_count,
        "event count 92, hit count 90, occurrences 92, count 86, hits 80, attempts 72",
    ),
    role("confidence", Form::Number, values::is_percent, "confidence score 94, confidence 92"),
    role(
        "first_observed_time",
        Form::Time,
        is_time,
        "first activity 94, first activity date time 94, observed 92, detected 92, first seen 98, first observed 98, first seen time 98, first event time 94, started at 92, start time \
         92, starts at 92, start 82, event time 90, detected at 92, detection time 92, occurred at 94, \
         occurred 92, observed at 90, timestamp 90, time 88, date time 86, eventtime 88, ts 86, date 80, \
         created at 82, created 80, when 76, at 66",
    ),
    role(
        "last_observed_time",
        Form::Time,
        is_time,
        "last activity 94, last activity date time 94, last seen 98, last observed 98, last seen time 98, last event time 94, ended at 90, end time 90, \
         ends at 88, end 78, updated at 78, last update 76",
    ),
    role(
        "create_time",
        Form::Time,
        is_time,
        "created at 94, create time 96, created 92, creation time 94, generated at 88, ingested at 78",
    ),
    role(
        "source_url",
        Form::Text,
        values::is_address_of_a_page,
        "alert url 96, url 88, link 90, href 84, console 72, permalink 92, uri 72",
    ),
    role(
        "labels",
        Form::Attack,
        values::has_attack,
        "mitre 94, attack 90, techniques 94, technique 94, technique id 96, mitre id 94, tags 88, labels 86, \
         tactics 88, tactic 86, id 70, mitre attack 94, ttp 84, ttps 84",
    ),
    role(
        "network_list.src_ip",
        Form::Text,
        values::is_address,
        "sender ip 90, origin ip 86, src ip 98, source ip 98, source address 96, src address 96, src addr 96, src 92, source 86, client \
         ip 90, remote ip 86, attacker ip 92, attacker 84, ip src 92, saddr 90, from ip 84, peer ip 76, \
         remote addr 84, client address 86, client 74",
    ),
    role(
        "network_list.src_port",
        Form::Number,
        values::is_port,
        "src port 98, source port 98, sport 96, spt 94, client port 88, remote port 84",
    ),
    role(
        "network_list.dest_ip",
        Form::Text,
        values::is_address,
        "dest ip 98, dst ip 98, destination ip 98, destination address 96, dest address 96, dst addr 96, dst \
         92, dest 92, destination 88, server ip 86, target ip 90, daddr 90, victim ip 88, local ip 78, ip dst \
         92, to ip 84, server address 82",
    ),
    role(
        "network_list.dest_port",
        Form::Text,
        values::is_port,
        "dest port 98, dst port 98, destination port 98, dport 96, dpt 94, server port 86, target port 88, \
         port 72, local port 76",
    ),
    role(
        "network_list.protocol",
        Form::UpperCase,
        values::is_text,
        "network transport 94, protocol 92, proto 92, transport 88, ip protocol 92",
    ),
    role(
        "resource_list.name",
        Form::Text,
        values::is_text,
        "host name 97, hostname 97, host 92, computer name 95, computer 92, device name 94, device hostname \
         95, device 86, agent name 86, endpoint 86, machine 88, asset 86, node 82, server 76, instance 76, \
         sensor 66",
    ),
    role(
        "user_info.user_name",
        Form::Text,
        values::is_text,
        "user name 97, username 97, user 92, account name 92, account 82, login 84, login name 90, actor 78, \
         actor name 84, principal 80, principal name 88, src user 88, user email 80, upn 84, identity name 74, \
         person 72, person name 78, employee 70, owner 60",
    ),
    role("user_info.user_id", Form::Text, values::is_id, "user id 96, user uid 92, account id 80, sid 72"),
    role(
        "process.process_name",
        Form::Text,
        values::is_text,
        "process name 97, process 90, image 82, proc name 94, program 80, exe 80",
    ),
    role(
        "process.process_path",
        Form::Text,
        values::is_text,
        "process path 96, process executable 96, executable 86, exe path 90, exe 80, image path 88",
    ),
    role("process.process_pid", Form::Number, values::is_process_id, "process pid 97, pid 94, process id 96"),
    role(
        "process.process_cmdline",
        Form::Text,
        values::is_text,
        "command line 97, commandline 97, cmd line 97, cmdline 97, cmd 88, command 82",
    ),
    role(
        "file_info.file_path",
        Form::Text,
        values::is_text,
        "file path 96, filepath 96, file name 88, filename 88, file 82",
    ),
    role("file_info.file_sha256", Form::Text, values::is_text, "sha256 96, sha 256 94"),
    role("file_info.file_md5", Form::Text, values::is_text, "md5 96"),
    role(
        "data_source.product_feature",
        Form::Text,
        values::is_text,
        "rule name 94, rule title 92, signature 88, rule 86, detection rule 92, rule id 80, signature id 76, \
         detector 80, policy 70",
    ),
    role("data_source.company_name", Form::Text, values::is_text, "vendor name 96, vendor 94, company 82"),
    role(
        "data_source.product_name",
        Form::Text,
        values::is_text,
        "product name 96, product 94, device product 92, log source 78, source 66, module 64, app 62",
    ),
];

#[cfg(test)]
mod tests {
    use super::ROLES;

    #[test]
    fn every_name_has_a_score() {
        for role in ROLES {
            let names: Vec<_> = role.names().collect();
            assert_eq!(names.len(), role.names.split(',').count(), "{}", role.target);
            assert!(names.iter().all(|(name, score)| !name.is_empty() && (40..100).contains(score)), "{}", role.target);
        }
    }
}
