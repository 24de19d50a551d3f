%% Parsing and building binaries.
%% scale: 200000
-module(binaries_work).
-export([run/1]).
run(N) ->
    B = build(N, <<>>),
    {parse(B, 0), erlang:crc32(B)}.
build(0, B) -> B;
build(N, B) -> build(N - 1, <<B/binary, N:24, (N band 7):3, 0:5>>).
parse(<<N:24, F:3, _:5, R/binary>>, S) -> parse(R, (S + N * F) rem 1000003);
parse(<<>>, S) -> S.
