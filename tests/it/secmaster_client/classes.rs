//! Each documented code and each shape of an error's body, through the simulator, has the documented failure class.

use alertbridge::domain::FailureClass::{self, Credentials, Rejected, Target, Throttled, Transient};
use alertbridge::ports::WorkflowApi;
use alertbridge::secmaster::api::{WorkflowFilter, Workspace};
use serde_json::json;

use super::{PROJECT, WORKSPACE, client, demo_key, faults, request, simulator};

/// SecMaster's codes: the number after the prefix, the status it comes with, the class.
const SECMASTER: &[(&str, u16, FailureClass)] = &[
    ("00092018", 400, Rejected),
    ("11061001", 400, Rejected),
    ("11061004", 400, Rejected),
    ("11181001", 400, Rejected),
    ("11181002", 400, Transient),
    ("20010001", 400, Target),
    ("20010001", 403, Target),
    ("20030001", 400, Rejected),
    ("20030002", 400, Rejected),
    ("20030003", 400, Rejected),
    ("20030004", 400, Rejected),
    ("20030005", 400, Rejected),
    ("20030009", 400, Rejected),
    ("20030022", 400, Rejected),
    ("20030025", 400, Rejected),
    ("20039999", 400, Rejected),
    ("20040000", 400, Rejected),
    ("20040402", 400, Rejected),
    ("20040605", 400, Target),
    ("20040611", 400, Target),
    ("20041001", 400, Target),
    ("20041002", 400, Rejected),
    ("20041003", 400, Rejected),
    ("20041031", 400, Rejected),
    ("20041509", 400, Rejected),
    ("20041805", 400, Rejected),
    ("20048004", 400, Rejected),
    ("20048016", 400, Rejected),
    ("20048028", 400, Target),
    ("20048034", 400, Rejected),
];

/// The gateway's codes, which come under three prefixes.
const GATEWAY: &[(&str, u16, FailureClass)] = &[
    ("0101", 404, Target),
    ("0103", 404, Target),
    ("0103", 500, Transient),
    ("0104", 400, Rejected),
    ("0105", 500, Transient),
    ("0106", 400, Rejected),
    ("0201", 400, Rejected),
    ("0201", 413, Rejected),
    ("0201", 414, Rejected),
    ("0201", 494, Rejected),
    ("0201", 502, Transient),
    ("0201", 504, Transient),
    ("0301", 401, Credentials),
    ("0302", 403, Credentials),
    ("0303", 401, Credentials),
    ("0304", 403, Credentials),
    ("0305", 401, Credentials),
    ("0306", 403, Credentials),
    ("0307", 401, Credentials),
    ("0308", 429, Throttled),
    ("0310", 403, Credentials),
    ("0311", 401, Credentials),
    ("0401", 403, Credentials),
    ("0404", 403, Credentials),
    ("0501", 405, Rejected),
    ("0601", 500, Transient),
    ("0602", 400, Rejected),
    ("0607", 400, Rejected),
    ("0610", 502, Transient),
    ("0613", 503, Transient),
    ("0705", 500, Transient),
    ("0801", 403, Credentials),
];

/// What the daemon's call and one by hand make of an answer; they are of one mind.
async fn judged(status: u16, body: &str) -> (FailureClass, Option<String>, String) {
    let simulator = simulator().await;
    simulator.handle().set_faults(faults(json!({"status": [{"status": status, "body": body}]})));
    let client = client(&simulator.url(), demo_key());
    let failure = client.start(&request()).await.unwrap_err();
    let place = Workspace { project_id: PROJECT.into(), workspace_id: WORKSPACE.into() };
    let by_hand = client.call(&place.list_workflows(&WorkflowFilter::default())).await.unwrap_err();
    assert_eq!((failure.class, &failure.error_code), (by_hand.class, &by_hand.error_code), "{status} {body}");
    assert_eq!(failure.http_status, Some(status));
    assert!(failure.request_id.is_some());
    (failure.class, failure.error_code, failure.message)
}

#[tokio::test]
async fn each_documented_code_has_its_class() {
    for (number, status, class) in SECMASTER {
        let code = format!("SecMaster.{number}");
        let body = json!({"code": code, "message": "said"}).to_string();
        assert_eq!(judged(*status, &body).await, (*class, Some(code), "said".to_owned()), "{number} {status}");
    }
    for (number, status, class) in GATEWAY {
        for prefix in ["APIGW", "APIG", "APIC"] {
            let code = format!("{prefix}.{number}");
            let body = json!({"error_code": code, "error_msg": "said", "request_id": "r"}).to_string();
            assert_eq!(judged(*status, &body).await, (*class, Some(code), "said".to_owned()), "{number} {status}");
        }
    }
}

#[tokio::test]
async fn each_shape_of_an_error_is_read() {
    let said = |code: &str| (Some(code.to_owned()), "said".to_owned());
    for (body, expected) in [
        (r#"{"code":"SecMaster.1","message":"said"}"#, said("SecMaster.1")),
        (r#"{"code":7,"message":"said"}"#, said("7")),
        (r#"{"error_code":"APIGW.0602","error_msg":"said","request_id":"r"}"#, said("APIGW.0602")),
        (r#"{"errorCode":"x","errorMsg":"said"}"#, said("x")),
        (r#"{"error":{"code":400,"message":"said","title":"Bad Request"}}"#, said("400")),
        (r#"{"error_msg":"said","error_code":"IAM.0007"}"#, said("IAM.0007")),
        (r#"{"message":"said"}"#, (None, "said".to_owned())),
        ("", (None, "400 Bad Request".to_owned())),
    ] {
        let (class, code, message) = judged(400, body).await;
        assert_eq!((class, (code, message)), (Rejected, expected), "{body}");
    }
    let (class, code, _) = judged(502, "<html><body>502 Bad Gateway</body></html>").await;
    assert_eq!((class, code), (Transient, None));
    assert_eq!(judged(503, "").await.0, Transient);
    assert_eq!(judged(302, "").await.0, Target);
}
