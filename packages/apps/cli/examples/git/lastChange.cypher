// Who changed $file last, when and in which commit. A merge that brought somebody's change to the main line did not make it.
WITH '|resource|file|' + $file AS key
MATCH (r:Entity {key: key})<-[:OF]-(:ResourceDay)<-[:PART_OF]-(:ResourcePart)<-[:ON]-(e:Event)
WHERE e.action <> 'file.merged'
WITH e ORDER BY e.seq DESC LIMIT 1
MATCH (e)-[:BY]->(:ActorPart)-[:PART_OF]->(:ActorDay)-[:OF]->(a:Actor)
MATCH (e)-[:DONE_IN]->(:CommitPart)-[:PART_OF]->(c:Commit)
RETURN a.id AS author, e.at AS at, c.id AS commit, e.action AS action, e.seq AS seq
