#!/usr/bin/env python3
"""Checks alertbridge against the vendor's own SDK (huaweicloudsdkcore, huaweicloudsdksecmaster).

sdk_check.py create URL            the SDK's client creates a workflow instance at a simulator
sdk_check.py verify URL [AGENT]    the SDK's signer recomputes the signature of every request that the simulator at
                                   URL has captured; with AGENT at least one must have a User-Agent that begins so
sdk_check.py verify FILE [AGENT]   the same for a file of such requests (the JSON of /_simulator/requests)

The access key is taken from HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK. Exit code 0 only if all holds.
"""

import base64
import json
import os
import sys
import urllib.parse
import urllib.request
import uuid

PROJECT = "0123456789abcdef0123456789abcdef"
WORKSPACE = "f44065f5-557b-4376-ae02-8c65ef1960f4"
WORKFLOW = "446255ce-1111-2222-3333-0b4931000000"


def key():
    return os.environ["HUAWEICLOUD_SDK_AK"], os.environ["HUAWEICLOUD_SDK_SK"]


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def create(url):
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.http.http_config import HttpConfig
    from huaweicloudsdksecmaster.v1 import (
        AopInstanceEventData,
        CreateWorkflowInstanceRequest,
        DataClassRef,
        DataObjectRefInfo,
        PlaybookcontextRef,
        SecMasterClient,
    )

    config = HttpConfig.get_default_config()
    config.timeout = (5, 10)
    client = (
        SecMasterClient.new_builder()
        .with_http_config(config)
        .with_credentials(BasicCredentials(*key(), PROJECT))
        .with_endpoint(url)
        .build()
    )
    asked = str(uuid.uuid4())
    alert = {"id": asked, "title": "SSH brute force \u6d4b\u8bd5", "severity": "High"}
    data_object = DataObjectRefInfo(content=alert, dataclass=DataClassRef(name="Alert"))
    body = AopInstanceEventData(
        command_type="ActionInstanceRunCommand",
        action_type="workflow",
        action_id=WORKFLOW,
        action_instance_id=asked,
        playbook_context=PlaybookcontextRef(data_object=data_object),
    )
    answer = client.create_workflow_instance(
        CreateWorkflowInstanceRequest(workspace_id=WORKSPACE, workflow_id=WORKFLOW, body=body)
    )
    assert answer.status_code == 200, answer.status_code
    assert answer.action_instance_id == asked, answer.action_instance_id
    kept = [i for i in get(f"{url}/_simulator/instances?limit=10000")["instances"] if i["id"] == asked]
    assert len(kept) == 1 and kept[0]["content"] == alert, kept
    print(f"the SDK's client created instance {asked}")


def verify(source, agent=None):
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.sdk_request import SdkRequest
    from huaweicloudsdkcore.signer.signer import Signer

    if source.startswith("http"):
        requests = get(f"{source}/_simulator/requests")
    else:
        with open(source, encoding="utf-8") as file:
            requests = json.load(file)
    agents = {}
    for number, request in enumerate(requests):
        headers = {name.lower(): value for name, value in request["headers"]}
        sent = headers.get("authorization")
        if sent is None:  # a call to IAM, or one with a token
            continue
        signed = sent.split("SignedHeaders=")[1].split(",")[0].split(";")
        # The SDK's names of the headers that its signer looks at itself.
        names = {"content-type": "Content-Type", "host": "Host", "x-sdk-date": "X-Sdk-Date"}
        path, _, query = request["target"].partition("?")
        recomputed = SdkRequest(
            method=request["method"],
            host=headers["host"],
            resource_path=path,
            query_params=urllib.parse.parse_qsl(query, keep_blank_values=True),
            header_params={names.get(name, name): headers[name] for name in signed},
            body=base64.b64decode(request["body_base64"]),
        )
        Signer(BasicCredentials(*key(), PROJECT)).sign(recomputed)
        expected = recomputed.header_params["Authorization"]
        assert sent == expected, f"request {number}:\n  sent     {sent}\n  computed {expected}"
        name = headers.get("user-agent", "").split(";")[0]
        agents[name] = agents.get(name, 0) + 1
    for name, count in sorted(agents.items()):
        print(f"the SDK's signer agrees with {count} request(s) of {name}")
    wanted = agent or ""
    assert any(name.startswith(wanted) for name in agents), f"no signed request of {agent or 'any client'}"


if __name__ == "__main__":
    commands = {"create": create, "verify": verify}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
