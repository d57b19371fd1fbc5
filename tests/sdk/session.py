"""What the scripts share: the way to the server, signing in, and reading what the SDK answers."""

import os
import tempfile

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore
from zohocrmsdk.src.com.zoho.crm.api import ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig

URL = os.environ["SWATHE_SDK_URL"]
VERSION = os.environ["SWATHE_SDK_VERSION"]
FOLDER = os.environ["SWATHE_SDK_FOLDER"]
CLIENT = {
    "client_id": os.environ["SWATHE_SDK_CLIENT_ID"],
    "client_secret": os.environ["SWATHE_SDK_CLIENT_SECRET"],
}
REFRESH_TOKEN = os.environ["SWATHE_SDK_REFRESH_TOKEN"]
ADMIN = os.environ["SWATHE_SDK_ADMIN"]

# A number that names nothing: ids are handed out from far above it.
NO_SUCH_ID = 4711


class Swathe(DataCenter):
    """The server under test, in place of one of the vendor's data centres."""

    @classmethod
    def PRODUCTION(cls):
        return DataCenter.Environment(URL, URL + "/oauth/v2/token", URL)

    def get_iam_url(self):
        return URL + "/oauth/v2/token"

    def get_file_upload_url(self):
        return URL


def initialise(token, auto_refresh_fields=False):
    """Signs in with a folder of its own, so that nothing is cached from an earlier time."""
    folder = tempfile.mkdtemp(dir=FOLDER)
    Initializer.initialize(
        environment=Swathe.PRODUCTION(),
        token=token,
        store=FileStore(os.path.join(folder, "tokens.csv")),
        sdk_config=SDKConfig(auto_refresh_fields=auto_refresh_fields),
        resource_path=folder,
    )
    return folder


def sign_in(auto_refresh_fields=False):
    """Signs in as the administrator of the demo, with the refresh token."""
    token = OAuthToken(refresh_token=REFRESH_TOKEN, **CLIENT)
    return initialise(token, auto_refresh_fields)


def by_version(v7, v8):
    """What differs between the versions."""
    return {"v7": v7, "v8": v8}[VERSION]


def parameters(values):
    """A ParameterMap of (SDK parameter, value) pairs."""
    made = ParameterMap()
    for name, value in values:
        made.add(name, value)
    return made


def same(found, expected, what):
    assert found == expected, f"{what}: expected {expected!r}, found {found!r}"


def answered(response, status, kind, what):
    """The object of an answer, which must have this status and be of this class of the SDK."""
    assert response is not None, f"{what}: the SDK could not read the answer"
    told = f"{what}: {response.get_status_code()} {response.get_response_json()}"
    assert response.get_status_code() == status, f"{told}, expected {status}"
    found = response.get_object()
    assert isinstance(found, kind), f"{told}, read as {type(found).__name__}, not {kind.__name__}"
    return found


def nothing(response, what):
    """An answer without content."""
    assert response is not None, f"{what}: the SDK could not read the answer"
    same((response.get_status_code(), response.get_object()), (204, None), what)


def succeeded(item, kind, message, what):
    """One item of an answer that says that something was done; its details."""
    told = f"{what}: {described(item)}"
    assert isinstance(item, kind), f"{told}, not a {kind.__name__}"
    same((item.get_status().get_value(), said(item)), ("success", message), told)
    return item.get_details()


def refused(item, kind, code, message, what):
    """An APIException, alone or in a list; its details."""
    told = f"{what}: {described(item)}"
    assert isinstance(item, kind), f"{told}, not an APIException"
    found = (item.get_status().get_value(), item.get_code().get_value(), said(item))
    same(found, ("error", code, message), told)
    return item.get_details()


def said(item):
    """The message, which is an enumeration or a text, depending on the class."""
    message = item.get_message()
    return message.get_value() if hasattr(message, "get_value") else message


def described(item):
    if not hasattr(item, "get_code"):
        return repr(item)
    return f"{item.get_code().get_value()} {said(item)!r} {item.get_details()}"
