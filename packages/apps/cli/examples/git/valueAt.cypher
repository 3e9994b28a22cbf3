// Blob and mode of $file at $commit of $repository, which must be of the main line; null where there was no such file.
WITH '|commit|' + $repository + '|' + $commit AS key, '|resource|file|' + $file AS file
MATCH (c:Entity {key: key})<-[:PART_OF]-(:CommitPart)<-[:DONE_IN]-(e:Event)
WHERE c.mainLine = true
WITH file, max(e.seq) AS last
MATCH (change:Change {entity: file}) WHERE change.seq <= last
WITH file, change.path AS path, max(change.seq) AS seq
MATCH (held:Change {entity: file}) WHERE held.path = path AND held.seq = seq
RETURN path, held.new AS value
