#!/usr/bin/env python3
"""Every operation of SecMaster's API, by the vendor's SDK.

sdk_operations.py call URL FILE      calls each against the simulator at URL (with the world of world.yaml), looks at
                                     what the SDK's models make of the answers, and writes the raw requests to FILE
sdk_operations.py compare URL FILE   compares the requests that the simulator at URL has captured with those of FILE

The access key is taken from HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK. Exit code 0 only if all holds.
"""

import base64
import json
import sys
import time
import urllib.parse

from sdk_check import PROJECT, WORKFLOW, WORKSPACE, get, key

INSTANCE = "909494e3-558e-46b6-a9eb-07a8e18ca62f"
PLAYBOOK = "11111111-0000-4000-8000-000000000001"
DRAFT = "11111111-0000-4000-8000-000000000003"
PLAYBOOK_INSTANCE = "11111111-0000-4000-8000-000000000004"
ALERT_CLASS = "a1e57c1a-5500-4000-8000-000000000001"
ALERT = "5f0c7a0e-3a53-4f0e-9d1b-6b6d6a3f0f11"
ALERT_CONTENT = {"id": ALERT, "title": "SSH brute force \u6d4b\u8bd5", "severity": "High", "count": 3}

# Differences of our headers from the SDK's, all meant: in path, query and body there is none.
#   content-type  with charset=UTF-8, as the API's pages have it; the SDK leaves it out
#   x-language    en-us, as the vendor's Terraform provider sends it, so that messages are English
#   user-agent    our own


def call(url, file):
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.http.http_config import HttpConfig
    from huaweicloudsdksecmaster import v1 as sdk

    config = HttpConfig.get_default_config()
    config.timeout = (5, 10)
    client = (
        sdk.SecMasterClient.new_builder()
        .with_http_config(config)
        .with_credentials(BasicCredentials(*key(), PROJECT))
        .with_endpoint(url)
        .build()
    )
    page = {"offset": 0, "limit": 100}
    done = []

    def ask(name, /, **arguments):
        """Calls a method by its name, in the workspace."""
        request = getattr(sdk, "".join(part.title() for part in name.split("_")) + "Request")
        if name != "list_workspaces":
            arguments["workspace_id"] = WORKSPACE
        done.append(name)
        answer = getattr(client, name)(request(**arguments))
        assert answer.status_code == 200, (name, answer.status_code)
        return answer

    def update(command):
        body = sdk.AopInstanceUpdateDataPojo(command_type=command)
        answer = ask("update_workflow_instance", instance_id=INSTANCE, body=body)
        assert answer.success is True and answer.code == "00000000", answer

    def operate(operation, status):
        body = sdk.OperationPlaybookInfo(operation=operation)
        answer = ask("change_playbook_instance", instance_id=PLAYBOOK_INSTANCE, body=body)
        assert answer.id == PLAYBOOK_INSTANCE and answer.status == status and answer.x_request_id, answer

    body = sdk.AopInstanceEventData(
        command_type="ActionInstanceRunCommand",
        action_type="workflow",
        action_id=WORKFLOW,
        action_instance_id=INSTANCE,
        playbook_context=sdk.PlaybookcontextRef(
            data_object=sdk.DataObjectRefInfo(content=ALERT_CONTENT, dataclass=sdk.DataClassRef(name="Alert"))
        ),
    )
    answer = ask("create_workflow_instance", workflow_id=WORKFLOW, body=body)
    assert answer.action_instance_id == INSTANCE, answer
    answer = ask(
        "list_aop_workflow_instance", sort_key="create_time", sort_dir="DESC", workflow_id=WORKFLOW, **page
    )
    assert answer.count == 1 and answer.instances[0].id == INSTANCE, answer
    assert answer.instances[0].workflow.name == "contain host" and answer.instances[0].status == "RUNNING", answer
    answer = ask("show_aop_workflow_instance", instance_id=INSTANCE, show_topology=True)
    assert answer.dataobject_id == ALERT and answer.topology.audit_logs[0].action_id == WORKFLOW, answer

    update("ActionInstanceTerminateCommand")
    time.sleep(0.2)
    update("ActionInstanceRetryCommand")
    operate("TERMINATE", "TERMINATING")
    time.sleep(0.2)
    operate("RETRY", "RETRYING")

    new = sdk.CreateAopWorkflowInfo(
        name="made by hand", description="a trial", engine_type="public_engine", aop_type="NORMAL",
        dataclass_id=ALERT_CLASS, labels="IP",
    )
    answer = ask("create_aop_workflow", body=new)
    assert answer.success is True and answer.data.enabled is False and answer.data.version_id == "", answer
    answer = ask("list_workflows", enabled=True, name="contain", **page)
    assert answer.total == 1 and answer.data[0].id == WORKFLOW, answer
    answer = ask("show_aop_workflow", workflow_id=WORKFLOW)
    assert answer.data.name == "contain host" and answer.data.enabled is True, answer
    answer = ask("list_aop_workflow_versions", workflow_id=WORKFLOW)
    assert answer.data == [] and answer.total == 0, answer
    answer = ask("list_dataclass", business_code="Alert", is_built_in=True, **page)
    assert answer.dataclass_details[0].id == ALERT_CLASS and answer.total == 1, answer
    answer = ask("list_dataclass_fields", dataclass_id=ALERT_CLASS, **page)
    assert answer.total == 41 and answer.field_details[0].field_key == "version", answer
    answer = ask("list_playbooks", enabled=1, **page)
    assert answer.total == 1 and answer.data[0].id == PLAYBOOK and answer.data[0].enabled is True, answer
    answer = ask("show_playbook", playbook_id=PLAYBOOK)
    assert answer.data.name == "on alert" and answer.x_request_id, answer
    answer = ask("list_playbook_versions", playbook_id=PLAYBOOK, version_type=0, **page)
    assert [version.id for version in answer.data] == [DRAFT], answer
    action = sdk.CreateAction(name="contain", action_type="AOP_WORKFLOW", action_id=WORKFLOW, sort_order="1")
    answer = ask("create_playbook_action", version_id=DRAFT, body=[action])
    assert answer.code == "0" and answer.data[0].action_id == WORKFLOW, answer
    assert answer.x_request_id and answer.x_api_deprecation_date == "2027-12-31", answer
    answer = ask("list_playbook_instances", trigger_type="EVENT", **page)
    assert answer.count == 1 and answer.instances[0].playbook.id == PLAYBOOK, answer
    answer = ask("show_playbook_instance", instance_id=PLAYBOOK_INSTANCE)
    assert answer.status == "RETRYING" and answer.dataobject.name == "an alert", answer
    answer = ask("show_playbook_topology", instance_id=PLAYBOOK_INSTANCE)
    assert answer.count == 1 and answer.action_instances[0].action.action_id == WORKFLOW, answer
    answer = ask("list_workspaces", **page)
    assert answer.count == 1 and answer.workspaces[0].name == "demo", answer
    answer = ask("create_alert", body=sdk.CreateAlertRequestBody(data_object=sdk.Alert(**ALERT_CONTENT)))
    assert answer.data.id == ALERT and answer.data.data_object.title == ALERT_CONTENT["title"], answer
    assert answer.data.dataclass_ref.name == "Alert" and answer.x_request_id, answer
    answer = ask("show_alert", alert_id=ALERT)
    assert answer.data.data_object.count == 3, answer
    answer = ask("list_alerts", body=sdk.DataobjectSearch(limit=10, offset=0))
    assert answer.total == 1 and answer.data[0].id == ALERT, answer

    with open(file, "w", encoding="utf-8") as out:
        json.dump(get(f"{url}/_simulator/requests"), out)
    print(f"the SDK made {len(done)} calls of {len(set(done))} operations and parsed every answer")


def shown(request):
    """Method, path, query and body, in a form in which equal requests are equal."""
    path, _, query = request["target"].partition("?")
    body = base64.b64decode(request["body_base64"])
    pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
    return request["method"], path, pairs, json.loads(body) if body else None


def compare(url, file):
    with open(file, encoding="utf-8") as sdk:
        theirs = [shown(request) for request in json.load(sdk)]
    ours = [shown(request) for request in get(f"{url}/_simulator/requests")]
    assert theirs, "no requests of the SDK"
    for number, (our, their) in enumerate(zip(ours, theirs)):
        assert our == their, f"request {number}:\n  ours  {our}\n  SDK's {their}"
    assert len(ours) == len(theirs), f"{len(ours)} requests of ours, {len(theirs)} of the SDK"
    print(f"{len(ours)} requests of ours are equal to the SDK's in method, path, query and body")


if __name__ == "__main__":
    commands = {"call": call, "compare": compare}
    if len(sys.argv) != 4 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
