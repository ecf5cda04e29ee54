//! Signatures computed by the vendor's SDK 3.1.219 (`Signer`), and the one of its signing guide.

use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::{AccessKey, Canonical, Signable, sign};

const AK: &str = "AKTESTEXAMPLE0000001";
const SK: &str = "SKtestExampleSecret000000000000000000001";
const DATE: &str = "20260205T021112Z";
const PID: &str = "0123456789abcdef0123456789abcdef";
const CLOUD: &str = "secmaster.cn-north-4.myhuaweicloud.com";
const BASE: &str = "/v1/0123456789abcdef0123456789abcdef/workspaces/f44065f5-557b-4376-ae02-8c65ef1960f4/soc/workflows";
const WF: &str = "446255ce-1111-2222-3333-0b4931000000";
const ESCAPED: &str = r#"{"command_type": "ActionInstanceRunCommand", "action_type": "workflow", "playbook_context": {"data_object": {"content": {"title": "SSH \u6d4b\u8bd5"}, "dataclass": {"name": "Alert"}}}}"#;
const RAW: &str = r#"{"command_type": "ActionInstanceRunCommand", "action_type": "workflow", "playbook_context": {"data_object": {"content": {"title": "SSH 测试"}, "dataclass": {"name": "Alert"}}}}"#;

struct Vector<'a> {
    key: (&'a str, &'a str),
    date: &'a str,
    request: Signable<'a>,
    canonical_sha256: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl Vector<'_> {
    fn holds(&self) {
        let canonical = Canonical::of(&self.request);
        assert_eq!(
            hex::encode(Sha256::digest(canonical.text.as_bytes())),
            self.canonical_sha256,
            "canonical request:\n{}",
            canonical.text
        );
        let key = AccessKey::try_new(self.key.0, &SecretString::from(self.key.1)).unwrap();
        assert_eq!(
            sign(&self.request, self.date, &key).authorization,
            format!(
                "SDK-HMAC-SHA256 Access={}, SignedHeaders={}, Signature={}",
                self.key.0, self.signed_headers, self.signature
            )
        );
    }
}

fn instances() -> String {
    format!("{BASE}/{WF}/instances")
}

#[test]
fn v1_a_json_body() {
    let request = Signable {
        method: "POST",
        path: &instances(),
        query: &[],
        headers: &[("Content-Type", "application/json"), ("X-Sdk-Date", DATE), ("X-Project-Id", PID), ("Host", CLOUD)],
        body: ESCAPED.as_bytes(),
    };
    let expected = "POST\n\
        /v1/0123456789abcdef0123456789abcdef/workspaces/f44065f5-557b-4376-ae02-8c65ef1960f4/soc/workflows/\
        446255ce-1111-2222-3333-0b4931000000/instances/\n\
        \n\
        content-type:application/json\n\
        host:secmaster.cn-north-4.myhuaweicloud.com\n\
        x-project-id:0123456789abcdef0123456789abcdef\n\
        x-sdk-date:20260205T021112Z\n\
        \n\
        content-type;host;x-project-id;x-sdk-date\n\
        406587a20e88d3028ebded98c2c4f392d76eefada51733d65c206ce7b0401799";
    assert_eq!(Canonical::of(&request).text, expected);
    Vector {
        key: (AK, SK),
        date: DATE,
        request,
        canonical_sha256: "dfe9b2f59f653913d933a61f2640d8d64a5a91c9b5b8c42003bb51d405450c9f",
        signed_headers: "content-type;host;x-project-id;x-sdk-date",
        signature: "69d1bd0e0a30df8c752bcec2b41d63ef448eacebd8598483693b9918c9790be7",
    }
    .holds();
}

#[test]
fn v2_a_query_and_no_body() {
    let path = format!("{BASE}/instances");
    let request = Signable {
        method: "GET",
        path: &path,
        query: &[
            ("offset", "0"),
            ("limit", "10"),
            ("status", "RUNNING"),
            ("name", "a b/流~*"),
            ("show_topology", "true"),
            ("ids", "a"),
            ("ids", "b"),
        ],
        headers: &[("Content-Type", "application/json"), ("X-Sdk-Date", DATE), ("X-Project-Id", PID), ("Host", CLOUD)],
        body: b"",
    };
    assert_eq!(
        Canonical::of(&request).query,
        "ids=a&ids=b&limit=10&name=a%20b%2F%E6%B5%81~%2A&offset=0&show_topology=true&status=RUNNING"
    );
    Vector {
        key: (AK, SK),
        date: DATE,
        request,
        canonical_sha256: "e564a817587e96a483dc619aced51249ed44f96ef2d944aceb392625df6b411c",
        signed_headers: "content-type;host;x-project-id;x-sdk-date",
        signature: "7910435835b01ad7b0c773356f0ddeab2a52ff4baf0d43691ccab3c259e92f90",
    }
    .holds();
}

#[test]
fn v3_special_characters_in_the_path() {
    let request = Signable {
        method: "GET",
        path: "/v1/p%20q/ws%2Fa+b~c%E6%B5%81/x:y@z,w;=",
        query: &[],
        headers: &[("Content-Type", "application/json"), ("X-Sdk-Date", DATE), ("Host", CLOUD)],
        body: b"",
    };
    Vector {
        key: (AK, SK),
        date: DATE,
        request,
        canonical_sha256: "c4d3e822a32952bacc760c7a6e17ecb6989661517c6bf08a857c17f5f9e07bcc",
        signed_headers: "content-type;host;x-sdk-date",
        signature: "242cbeb8c99d83ef5411128750f3c043935259bf7f2e470a48dbfcd04791423a",
    }
    .holds();
}

#[test]
fn v4_raw_utf8_temporary_credentials_and_a_further_header() {
    let request = Signable {
        method: "POST",
        path: &instances(),
        query: &[],
        headers: &[
            ("Content-Type", "application/json"),
            ("X-Sdk-Date", DATE),
            ("X-Project-Id", PID),
            ("X-Security-Token", "STS-TOKEN-EXAMPLE"),
            ("User-Agent", "bridge/0.1"),
            ("Host", CLOUD),
        ],
        body: RAW.as_bytes(),
    };
    Vector {
        key: (AK, SK),
        date: DATE,
        request,
        canonical_sha256: "dff2632041f0da594ff0e1b87e44773b557948acb53503b85c9c8ee5fbfa80a4",
        signed_headers: "content-type;host;user-agent;x-project-id;x-sdk-date;x-security-token",
        signature: "bea27c28bdad9424275e358fe242c1807d3826be85ad9e89c320f008f3510cd3",
    }
    .holds();
}

#[test]
fn v5_the_fewest_headers_on_the_root_path() {
    let request =
        Signable { method: "GET", path: "/", query: &[], headers: &[("X-Sdk-Date", DATE), ("Host", CLOUD)], body: b"" };
    Vector {
        key: (AK, SK),
        date: DATE,
        request,
        canonical_sha256: "9bfbe13fe499b5448429482fa288a81cd31b9719feed466b4a9ce576bdd126b7",
        signed_headers: "host;x-sdk-date",
        signature: "b85f95440e88a2f2b454aeb9c33598271c39ca9c0fc645237e0ad5727dd5bf2b",
    }
    .holds();
}

#[test]
fn v6_a_content_type_with_charset_and_a_host_with_port() {
    let request = Signable {
        method: "POST",
        path: &instances(),
        query: &[],
        headers: &[
            ("Content-Type", "application/json;charset=UTF-8"),
            ("X-Sdk-Date", DATE),
            ("X-Project-Id", PID),
            ("Host", "127.0.0.1:8443"),
        ],
        body: ESCAPED.as_bytes(),
    };
    Vector {
        key: (AK, SK),
        date: DATE,
        request,
        canonical_sha256: "94a7a0e4e385aa9817592afe47f04f8358e6013aa2ccedb66147140aba9f2cc9",
        signed_headers: "content-type;host;x-project-id;x-sdk-date",
        signature: "c40ad0d0cf3fe877011461a1686372cd415c86b8ee8e7a5a2fae0d824ef1415a",
    }
    .holds();
}

#[test]
fn v7_the_vendors_signing_guide() {
    let request = Signable {
        method: "GET",
        path: "/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs",
        query: &[("limit", "2"), ("marker", "13551d6b-755d-4757-b956-536f674975c0")],
        headers: &[
            ("Content-Type", "application/json"),
            ("X-Sdk-Date", "20191115T033655Z"),
            ("Host", "service.region.example.com"),
        ],
        body: b"",
    };
    Vector {
        key: ("QTWAOYTTINDUT2QVKYUC", "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc"),
        date: "20191115T033655Z",
        request,
        canonical_sha256: "b25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a",
        signed_headers: "content-type;host;x-sdk-date",
        signature: "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe",
    }
    .holds();
}

#[test]
fn v8_dot_segments_odd_queries_underscores_and_a_type_that_is_not_json() {
    let request = Signable {
        method: "POST",
        path: "/a//b/../c/",
        query: &[("b", "2"), ("a", ""), ("B", "x"), ("a b", "+")],
        headers: &[
            ("Content-Type", "text/plain"),
            ("X-Sdk-Date", DATE),
            ("X_Under", "not signed"),
            ("Empty", ""),
            ("Pad", "  v  "),
            ("Host", "h"),
        ],
        body: b"{}",
    };
    assert_eq!(Canonical::of(&request).query, "B=x&a=&a%20b=%2B&b=2");
    assert_eq!(Canonical::of(&request).content_sha256, Some("UNSIGNED-PAYLOAD"));
    Vector {
        key: (AK, SK),
        date: DATE,
        request,
        canonical_sha256: "dd072b93b423a065ba63a3cb8c4617c7ad1061acafdc3617fc4f8b2fcf307528",
        signed_headers: "content-type;empty;host;pad;x-sdk-content-sha256;x-sdk-date",
        signature: "ae6c2a3f1cbb679fbc27726b8595acbd8043fcc6d3874eeb2156d46a480f8f33",
    }
    .holds();
}

#[test]
fn the_secret_is_not_in_the_debug_output() {
    let key = AccessKey::try_new(AK, &SecretString::from(SK)).unwrap();
    let text = format!("{key:?}");
    assert!(text.contains(AK) && !text.contains(SK), "{text}");
}
