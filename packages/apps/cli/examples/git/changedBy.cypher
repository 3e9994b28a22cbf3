// Which files $author changed from the time $since until $until.
WITH '|actor|user|' + $author AS key
MATCH (a:Entity {key: key})<-[:OF]-(:ActorDay)<-[:PART_OF]-(:ActorPart)<-[:BY]-(e:Event)
WHERE e.at >= $since AND e.at <= $until AND e.action <> 'file.merged'
MATCH (e)-[:ON]->(:ResourcePart)-[:PART_OF]->(:ResourceDay)-[:OF]->(r:Resource)
RETURN DISTINCT r.id AS file ORDER BY file
