-- The views belong to the role that makes them; it may make schemas beside them to rebuild in, and rename them.
SET LOCAL ROLE taizhang_projector;

CREATE SCHEMA views;
GRANT USAGE ON SCHEMA views TO taizhang_reader, taizhang_writer;
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO taizhang_reader, taizhang_writer;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO taizhang_reader, taizhang_writer;
