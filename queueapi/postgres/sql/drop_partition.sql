drop table if exists {partition}
