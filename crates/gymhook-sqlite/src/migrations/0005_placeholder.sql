-- Version 5. A place for the targets of subscriptions.

SELECT 1;
