#!/usr/bin/env python3
"""Every way to temporary keys, by the vendor's SDK and by alertbridge, against one simulator.

sdk_credentials.py URL BINARY TOKEN   for each kind: the SDK's own provider gets a key and its client calls SecMaster
                                      with it; BINARY does the same under the same environment; what both have asked
                                      for their keys is equal in method, path, query, body and the headers that count

TOKEN is the id token that the simulator knows. Exit code 0 only if all holds.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile

from sdk_check import PROJECT, WORKSPACE, get

# What tells who asks; the rest of the headers is each HTTP library's own.
HEADERS = ("authorization", "x-idp-id", "x-metadata-token-ttl-seconds")
SECMASTER = f"/v1/{PROJECT}/workspaces"


def shown(request):
    headers = {name.lower(): value for name, value in request["headers"]}
    body = base64.b64decode(request["body_base64"])
    document = json.loads(body) if body else None
    if document and "auth" in document and "identity" in document["auth"]:
        document["auth"]["identity"]["token"]["id"] = "given out before"
    counting = {name: headers[name] for name in HEADERS if name in headers}
    has_session = "x-metadata-token" in headers
    is_json = headers.get("content-type", "").startswith("application/json")
    return request["method"], request["target"], document, counting, has_session, is_json if body else None


class Simulator:
    def __init__(self, url):
        self.url = url
        self.seen = 0

    def news(self):
        """The requests since this was asked last: for keys, and to SecMaster."""
        requests = get(f"{self.url}/_simulator/requests")[self.seen :]
        self.seen += len(requests)
        to_secmaster = [request for request in requests if request["target"].startswith(SECMASTER)]
        return [shown(request) for request in requests if request not in to_secmaster], to_secmaster


def by_sdk(url, provider):
    from huaweicloudsdkcore.http.http_config import HttpConfig
    from huaweicloudsdksecmaster import v1 as sdk

    config = HttpConfig.get_default_config()
    config.timeout = (5, 10)
    credentials = provider.get_basic().get_credentials().with_project_id(PROJECT)
    builder = sdk.SecMasterClient.new_builder().with_http_config(config).with_credentials(credentials)
    client = builder.with_endpoint(url).build()
    answer = client.list_workspaces(sdk.ListWorkspacesRequest(offset=0, limit=10))
    assert answer.status_code == 200 and answer.count == 1, answer
    return credentials


def by_us(url, binary, kind, environment):
    ours = {
        "ALERTBRIDGE__SECMASTER__ENDPOINT": url,
        "ALERTBRIDGE__SECMASTER__WORKSPACE_ID": WORKSPACE,
        "ALERTBRIDGE__SECMASTER__CREDENTIALS__KIND": kind,
        "ALERTBRIDGE__SECMASTER__CREDENTIALS__METADATA_ENDPOINT": url,
        "HOME": os.environ["HOME"],
        **environment,
    }
    ours.setdefault("HUAWEICLOUD_SDK_PROJECT_ID", PROJECT)
    done = subprocess.run([binary, "secmaster", "workspace", "list"], env=ours, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def check(url, binary, token):
    from huaweicloudsdkcore.auth import internal, provider

    internal.MetadataAccessor._METADATA_ENDPOINT = url
    folder = tempfile.mkdtemp(dir=os.environ["HOME"])

    def file(name, text):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    token_file = file("token", token + "\n")
    key, secret = os.environ["SIMULATOR_AK"], os.environ["SIMULATOR_SK"]
    profile = file("credentials", f"[global]\nak = x\nsk = y\n[basic]\nak = {key}\nsk = {secret}\nproject_id = {PROJECT}\n")
    federated = file("federated", f"[basic]\nidp_id = provider\nid_token_file = {token_file}\niam_endpoint = {url}\n")
    agency = {
        "HUAWEICLOUD_OIDC_PROVIDER_URN": "iam::account:oidcProvider:p",
        "HUAWEICLOUD_OIDC_AGENCY_URN": "iam::account:agency:a",
        "HUAWEICLOUD_OIDC_TOKEN_FILE": token_file,
        "HUAWEICLOUD_OIDC_SESSION_NAME": "a-session",
        "HUAWEICLOUD_SDK_STS_ENDPOINT": url,
    }
    narrowed = {
        "HUAWEICLOUD_OIDC_ID_TOKEN": token,
        "HUAWEICLOUD_OIDC_DURATION_SECONDS": "7200",
        "HUAWEICLOUD_OIDC_POLICY": '{"Version":"5.0"}',
        "HUAWEICLOUD_OIDC_POLICY_IDS": "a, b",
    }
    idp = {
        "HUAWEICLOUD_SDK_IDP_ID": "provider",
        "HUAWEICLOUD_SDK_ID_TOKEN_FILE": token_file,
        "HUAWEICLOUD_SDK_IAM_ENDPOINT": url,
    }
    pod = {
        "HC_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/pod-identity/credentials",
        "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE": token_file,
    }
    # What, our kind, the SDK's provider, environment, calls for a key.
    cases = [
        ("environment", "access_key", provider.EnvCredentialProvider, {"HUAWEICLOUD_SDK_AK": key, "HUAWEICLOUD_SDK_SK": secret}, 0),
        ("profile file", "access_key", provider.ProfileCredentialProvider, {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": profile}, 0),
        ("instance agency", "instance_agency", provider.MetadataCredentialProvider, {}, 2),
        ("OIDC by STS", "oidc", provider.OidcStsCredentialProvider, agency, 1),
        ("OIDC by STS, narrowed", "oidc", provider.OidcStsCredentialProvider, {**agency, **narrowed}, 1),
        ("federation by IAM", "oidc", provider.EnvCredentialProvider, idp, 2),
        ("federation, profile file", "oidc", provider.ProfileCredentialProvider, {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": federated}, 2),
        ("pod identity", "pod_identity", provider.PodIdentityCredentialProvider, pod, 1),
    ]
    simulator = Simulator(url)
    simulator.news()
    for what, kind, sdks, environment, calls in cases:
        os.environ.update(environment)
        credentials = by_sdk(url, sdks)
        for name in environment:
            del os.environ[name]
        theirs, their_calls = simulator.news()
        by_us(url, binary, kind, environment)
        ours, our_calls = simulator.news()
        assert len(theirs) == calls, (what, theirs)
        assert len(their_calls) == len(our_calls) == 1, (what, their_calls, our_calls)
        assert ours == theirs, f"{what}:\n  ours      {ours}\n  the SDK's {theirs}"
        if calls:
            assert credentials.security_token and credentials._expire_at > 0, what
            headers = dict(our_calls[0]["headers"])
            assert "x-security-token" in headers["authorization"] and headers["x-security-token"], what
        print(f"{what}: {calls} call(s) for a key, equal to the SDK's; both keys are accepted")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    check(*sys.argv[1:])
