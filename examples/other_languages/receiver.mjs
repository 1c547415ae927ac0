#!/usr/bin/env node
// A receiver for the webhooks of five fitness platforms: Node's own modules, nothing else (Node 18 or newer).
//
//   node receiver.mjs PLATFORM [PORT]   serve on 127.0.0.1, with the secret in GYMHOOK_SECRET
//   node receiver.mjs --cases           judge conformance vectors from standard input, one a line
//
// `gymhook vectors --stream --against 'node receiver.mjs --cases' tests/vectors/signature-*.json` checks it against the vectors.
//
// Copy `verify` into a program of yours. It wants the body's raw bytes: in Express, `express.raw({ type: '*/*' })`, not `json()`.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import process from 'node:process';

const MAX_BODY = 256 * 1024;

/** The request is not proved. The reason is for the operator; the peer gets a bare 401. */
class Refused extends Error {}

/**
 * Says which key signed, and what that proves.
 *
 * `scheme` is as in the vectors (`{type: 'timestamped-hmac'}`), `keys` are `{id, key: Buffer}`, `headers` pairs of name and
 * Buffer in which a name may occur twice, `now` milliseconds since 1970, `tolerance` seconds or null.
 */
export function verify(scheme, keys, headers, body, now, tolerance) {
  return SCHEMES[scheme.type]({ scheme, keys, headers, body, now, tolerance });
}

const SCHEMES = {
  /** EGYM, PG Next: the key itself. It tells the studio, and proves nothing of the body. */
  'api-key'({ scheme, keys, headers }) {
    const [shown] = exactlyOnce(headers, [scheme.header ?? 'x-api-key']);
    printable(shown, 1024);
    const digest = sha256(shown);
    const found = keys.filter(({ key }) => timingSafeEqual(sha256(key), digest));
    if (found.length === 0) throw new Refused('unknown-key');
    return { key: found[0].id, proves: ['sender'] };
  },

  /** GymPoint: an HMAC of the body. Header and encoding are not published, so they are settings. */
  'body-hmac'({ scheme, keys, headers, body }) {
    let [shown] = exactlyOnce(headers, [scheme.header ?? 'x-gympoint-signature']);
    if (shown.length === 0) throw new Refused('malformed-header');
    const prefix = Buffer.from(scheme.prefix ?? 'sha256=');
    if (shown.subarray(0, prefix.length).equals(prefix)) shown = shown.subarray(prefix.length);
    else if (scheme.prefix !== undefined) throw new Refused('malformed-header');
    const tag = decoded(shown, scheme.encoding ?? 'any-hex', 32);
    return { key: matchingKey(keys, [tag], [body]), proves: ['sender', 'body'] };
  },

  /** PerfectGym: an MD5 over id and secret. Whoever has seen one request can send any body with its signature. */
  'request-id-md5'({ scheme, keys, headers }) {
    const names = ['x-perfectgym-request', scheme.header ?? 'x-perfectgym-signature'];
    const [id, shown] = exactlyOnce(headers, names);
    checkedId(id, ':');
    const tag = decoded(shown, scheme.encoding === 'base64' ? 'base64' : 'any-hex', 16);
    const digest = (key) => createHash('md5').update(id).update(':').update(key).digest();
    const found = keys.find(({ key }) => timingSafeEqual(digest(key), tag));
    if (!found) throw new Refused('signature-mismatch');
    return { key: found.id, proves: ['sender', 'id'] };
  },

  /** Point: `t=…,v1=…`, an HMAC of time and body. */
  'timestamped-hmac'({ scheme, keys, headers, body, now, tolerance }) {
    const [shown] = exactlyOnce(headers, [scheme.header ?? 'point-signature']);
    printable(shown, 4096);
    const parts = shown.toString('latin1').split(',').map((part) => part.trim());
    const times = parts.filter((part) => part.startsWith('t=')).map((part) => part.slice(2));
    const signatures = parts.filter((part) => part.startsWith('v1=')).map((part) => part.slice(3));
    if (times.length !== 1) throw new Refused('malformed-header');
    const signedAt = timestamp(times[0], scheme.unit === 's' ? 1000 : 1);
    const tags = anyDecoded(signatures, scheme.encoding ?? 'hex');
    const key = matchingKey(keys, tags, [times[0], '.', body]);
    return { key, proves: ['sender', 'body', ...judged(signedAt, now, tolerance)] };
  },

  /** Standard Webhooks: an HMAC of id, time and body. */
  'standard-webhooks'({ scheme, keys, headers, body, now, tolerance }) {
    const prefix = (scheme.header ?? 'webhook-signature').replace(/-signature$/, '');
    const names = [`${prefix}-id`, `${prefix}-timestamp`, `${prefix}-signature`];
    const [id, digits, shown] = exactlyOnce(headers, names);
    checkedId(id, '.');
    const signedAt = timestamp(digits.toString('latin1'), 1000);
    printable(shown, 4096);
    const parts = shown.toString('latin1').split(' ');
    const signatures = parts.filter((part) => part.startsWith('v1,')).map((part) => part.slice(3));
    const key = matchingKey(keys, anyDecoded(signatures, 'base64'), [id, '.', digits, '.', body]);
    return { key, proves: ['sender', 'body', ...judged(signedAt, now, tolerance), 'id'] };
  },
};

const sha256 = (bytes) => createHash('sha256').update(bytes).digest();

/** The one value of each header: two readers of a doubled one may read different ones. */
function exactlyOnce(headers, names) {
  const values = names.map((wanted) =>
    headers.filter(([name]) => name.toLowerCase() === wanted.toLowerCase()).map(([, value]) => value),
  );
  if (values.some((found) => found.length === 0)) throw new Refused('missing-header');
  if (values.some((found) => found.length > 1)) throw new Refused('duplicate-header');
  return values.map(([only]) => only);
}

function printable(value, longest) {
  const isPrintable = value.every((byte) => byte >= 0x20 && byte <= 0x7e);
  if (value.length === 0 || value.length > longest || !isPrintable) throw new Refused('malformed-header');
}

/** An id with the delimiter of what is signed could lend its signature to another id. */
function checkedId(value, delimiter) {
  printable(value, 256);
  if (value.includes(' ') || value.includes(delimiter)) throw new Refused('malformed-header');
}

/** Milliseconds, exactly; one spelling for each number. Fifteen digits of seconds need more than a double has. */
function timestamp(digits, millis) {
  if (!/^(0|[1-9][0-9]{0,14})$/.test(digits)) throw new Refused('malformed-header');
  return BigInt(digits) * BigInt(millis);
}

/** Exactly `length` bytes, in the one spelling that they have: Buffer.from ignores what it cannot read. */
function decoded(value, encoding, length) {
  const text = Buffer.isBuffer(value) ? value.toString('latin1') : value;
  const base64 = encoding === 'base64';
  const tag = Buffer.from(text, base64 ? 'base64' : 'hex');
  const again = tag.toString(base64 ? 'base64' : 'hex');
  const canonical = again === (encoding === 'any-hex' ? text.toLowerCase() : text);
  if (tag.length !== length || !canonical) throw new Refused('malformed-header');
  return tag;
}

/** The signatures that can be read, of at most 16; those that cannot are ignored beside them. */
function anyDecoded(signatures, encoding) {
  const tags = signatures.flatMap((text) => {
    try {
      return [decoded(text, encoding, 32)];
    } catch {
      return [];
    }
  });
  if (signatures.length > 16 || tags.length === 0) throw new Refused('malformed-header');
  return tags;
}

function matchingKey(keys, tags, parts) {
  const found = keys.find(({ key }) => {
    const mac = createHmac('sha256', key);
    for (const part of parts) mac.update(part);
    const own = mac.digest();
    return tags.map((tag) => timingSafeEqual(own, tag)).includes(true);
  });
  if (!found) throw new Refused('signature-mismatch');
  return found.id;
}

function judged(signedAt, now, tolerance) {
  if (tolerance === null || tolerance === undefined) return [];
  // Nanoseconds, so that a boundary is one.
  const [signed, at, allowed] = [signedAt * 1_000_000n, now.nanos, BigInt(tolerance) * 1_000_000_000n];
  if (at - signed > allowed) throw new Refused('timestamp-too-old');
  if (signed - at > allowed) throw new Refused('timestamp-too-new');
  return ['time'];
}

// What follows is the vectors' form of a case, and a small server.

function secret({ secret: text, secret_encoding: encoding = 'utf8' }) {
  if (encoding === 'whsec') return Buffer.from(text.replace(/^whsec_/, ''), 'base64');
  return Buffer.from(text, encoding);
}

/** What no HTTP message can carry becomes what no scheme can read. */
function headerValue(text) {
  const value = Buffer.from(text);
  const carried = value.every((byte) => byte === 9 || (byte >= 0x20 && byte !== 0x7f));
  return carried ? value : Buffer.from([0xff]);
}

/** RFC 3339 to nanoseconds since 1970, exactly. */
function instant(text) {
  const [, date, fraction = '', zone] = /^([^.Z+]{19})(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  const millis = Date.parse(`${date}${zone}`);
  return BigInt(millis) * 1_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9) || '0');
}

function answer(given) {
  if (given.kind !== 'signature') return { unsupported: true };
  const keys = given.keys.map((key) => ({ id: key.id, key: secret(key) }));
  const headers = given.headers.map(([name, value]) => [name, headerValue(value)]);
  const body = Buffer.from(given.body_base64, 'base64');
  const now = { nanos: given.now ? instant(given.now) : 0n };
  try {
    return { verdict: 'accept', ...verify(given.scheme, keys, headers, body, now, given.tolerance_seconds) };
  } catch (error) {
    if (error instanceof Refused) return { verdict: 'reject', reason: error.message };
    throw error;
  }
}

const PLATFORMS = {
  egym: [{ type: 'api-key' }, null],
  gympoint: [{ type: 'body-hmac' }, null],
  perfectgym: [{ type: 'request-id-md5' }, null],
  'pg-next': [{ type: 'api-key' }, null],
  point: [{ type: 'timestamped-hmac' }, 300],
  'standard-webhooks': [{ type: 'standard-webhooks' }, 300],
};

function serve(platform, port) {
  const [scheme, tolerance] = PLATFORMS[platform];
  const text = process.env.GYMHOOK_SECRET ?? '';
  if (text === '') fail('set GYMHOOK_SECRET: an empty key would let anybody sign');
  const encoding = platform === 'standard-webhooks' ? 'whsec' : 'utf8';
  const keys = [{ id: 'main', key: secret({ secret: text, secret_encoding: encoding }) }];
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    const chunks = [];
    let bytes = 0;
    request.on('data', (chunk) => {
      bytes += chunk.length;
      if (bytes <= MAX_BODY) chunks.push(chunk);
      else if (!response.headersSent) response.writeHead(413, { connection: 'close' }).end();
    });
    request.on('end', () => {
      if (bytes > MAX_BODY) return;
      const body = Buffer.concat(chunks);
      const raw = request.rawHeaders;
      const headers = raw.flatMap((name, at) => (at % 2 === 0 ? [[name, Buffer.from(raw[at + 1], 'latin1')]] : []));
      try {
        const now = { nanos: BigInt(Date.now()) * 1_000_000n };
        const { key, proves } = verify(scheme, keys, headers, body, now, tolerance);
        JSON.parse(body);
        // Put the body into a queue here, and answer only when it is there: what is lost after a 200 is not sent again.
        console.error(`accepted by key ${key}: proves ${proves.join(', ')}`);
        response.writeHead(200).end();
      } catch (error) {
        console.error(error instanceof Refused ? `refused: ${error.message}` : 'the body is no JSON');
        response.writeHead(error instanceof Refused ? 401 : 400).end();
      }
    });
  });
  server.listen(port, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

const [first, port = '8080'] = process.argv.slice(2);
if (first === '--cases') {
  for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(answer(JSON.parse(line))));
} else if (Object.hasOwn(PLATFORMS, first ?? '')) serve(first, Number(port));
else fail('usage: node receiver.mjs PLATFORM [PORT], or node receiver.mjs --cases');
