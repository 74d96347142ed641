//! Takes due mail, sends or files it, records, bounces, reports.
