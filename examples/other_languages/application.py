"""An application behind the gateway (`gymhook serve`): one signature to check, and the check-ins of all five platforms.

    DESTINATION_SECRET=whsec_… python3 examples/other_languages/application.py 3000
"""
import base64, hashlib, hmac, json, os, re, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = base64.b64decode(os.environ["DESTINATION_SECRET"].removeprefix("whsec_"))


class Application(BaseHTTPRequestHandler):
    def do_POST(self):
        length = self.headers.get("content-length", "")
        body = self.rfile.read(int(length)) if re.fullmatch("[0-9]{1,7}", length) else b""
        is_genuine = self.is_from_the_gateway(body)
        if is_genuine:
            event = json.loads(body)  # repeats have the same id: remember those that are done
            if event["type"] == "gymhook.check-in":
                line = (event["source"], event.get("subject"), event.get("time"), event["id"])
                sys.stdout.write(" ".join(str(part) for part in line) + "\n")
                sys.stdout.flush()
        self.send_response(204 if is_genuine else 401)
        self.end_headers()

    def is_from_the_gateway(self, body):  # https://www.standardwebhooks.com
        sent_id, sent_at = self.headers.get("webhook-id", ""), self.headers.get("webhook-timestamp", "")
        if not re.fullmatch("[0-9]{1,12}", sent_at):
            return False
        signed = f"{sent_id}.{sent_at}.".encode() + body
        expected = b"v1," + base64.b64encode(hmac.digest(SECRET, signed, hashlib.sha256))
        given = self.headers.get("webhook-signature", "").encode().split(b" ")
        return abs(time.time() - int(sent_at)) < 300 and any(hmac.compare_digest(expected, one) for one in given)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Application).serve_forever()
