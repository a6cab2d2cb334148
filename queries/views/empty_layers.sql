-- view: The layers that are known to have nothing in them. Images that share no others do not stand on each other.
-- column: layer_digest : An empty archive as Docker and as Go (BuildKit, kaniko) compress it, uncompressed, or no bytes at all.
select unnest([
    'sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4',
    'sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1',
    'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
]) as layer_digest
