UPDATE gymhook.notifications n SET fingerprint = NULL
FROM unnest($1::uuid[], $2::bytea[], $3::bigint[]) AS u (endpoint, fingerprint, before_window)
WHERE n.endpoint = u.endpoint AND n.fingerprint = u.fingerprint AND n.fingerprint IS NOT NULL
AND (n.enqueued_at <= u.before_window
    OR EXISTS (SELECT FROM gymhook.deliveries d WHERE d.seq = n.seq AND d.state = 5))
