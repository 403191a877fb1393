"""The SQL of failed sign-ins. `user_names` and `networks` are lists of one length, one pair for each row."""

from __future__ import annotations

_COLUMNS = "user_name, network, n_failures, failed_at, succeeded_at"

# Read the counts of an attempt, without a lock.
COUNTS = f"""
SELECT {_COLUMNS} FROM access_signincount
WHERE (user_name, network) IN (SELECT * FROM unnest(%(user_names)s::text[], %(networks)s::text[]))
"""

# Lock and read the counts of an attempt, in the order of the lists; create the missing ones.
LOCK_COUNTS = f"""
INSERT INTO access_signincount AS counted (user_name, network, n_failures, failed_at)
SELECT user_name, network, 0, %(now)s
  FROM unnest(%(user_names)s::text[], %(networks)s::text[]) AS given (user_name, network)
ON CONFLICT (user_name, network) DO UPDATE SET n_failures = counted.n_failures
RETURNING {_COLUMNS}
"""

# Count an attempt as a failure. Failures before `forgotten_at` do not count any more.
COUNT_ATTEMPT = """
UPDATE access_signincount
SET n_failures = CASE WHEN failed_at > %(forgotten_at)s THEN n_failures ELSE 0 END + 1,
    failed_before_at = failed_at, failed_at = %(now)s
WHERE (user_name, network) IN (SELECT * FROM unnest(%(user_names)s::text[], %(networks)s::text[]))
"""

# After a success: clear the failures of the user name, and take the attempt off the network's failures, so that the
# attempt does not prolong the network's delay. An attempt that began later stays.
CLEAR_FAILURES = """
UPDATE access_signincount
SET n_failures = CASE WHEN user_name = '' THEN greatest(n_failures, 1) - 1 ELSE 0 END,
    failed_at = CASE WHEN user_name = '' AND failed_at = %(now)s THEN coalesce(failed_before_at, failed_at)
                     ELSE failed_at END,
    succeeded_at = CASE WHEN user_name <> '' AND network = %(network)s THEN %(now)s ELSE succeeded_at END
WHERE (user_name, network) IN (SELECT * FROM unnest(%(user_names)s::text[], %(networks)s::text[]))
"""

# Delete counts that no longer matter. A locked count belongs to an attempt that is being made now.
DELETE_OLD_COUNTS = """
DELETE FROM access_signincount WHERE id IN (
    SELECT id FROM access_signincount
    WHERE failed_at < %(forgotten_at)s AND (succeeded_at IS NULL OR succeeded_at < %(known_from)s)
    LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
"""
