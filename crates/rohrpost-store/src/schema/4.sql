-- For the search index: what is brought back is found, though it may have gone before the index came by.
CREATE INDEX expunged_email ON expunged (email) WHERE body IS NOT NULL;
