// What $commit of $repository changed. A renamed file is both its old path and its new one.
WITH '|commit|' + $repository + '|' + $commit AS key
MATCH (c:Entity {key: key})<-[:PART_OF]-(:CommitPart)<-[:DONE_IN]-(e:Event)
MATCH (e)-[:ON]->(:ResourcePart)-[:PART_OF]->(:ResourceDay)-[:OF]->(r:Resource)
RETURN DISTINCT r.id AS file ORDER BY file
