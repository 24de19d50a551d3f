%% Sub-binaries at odd offsets: equality, order, hash and parts do not see them.
-module(bits_offset).
-export([main/0]).
main() ->
    B = list_to_binary(lists:seq(0, 99)),
    S = [begin <<_:O, X:40/bits, _/bits>> = B, X end || O <- [0, 1, 7, 8, 13, 300]],
    C = [begin <<Y:40>> = X, <<Y:40>> end || X <- S],
    D = [begin <<_:O, X:37/bits, _/bits>> = B, X end || O <- [0, 1, 7, 8, 13, 300]],
    [S, S =:= C, [X < Y || X <- S, Y <- C], [erlang:phash2(X) =:= erlang:phash2(Y) || {X, Y} <- lists:zip(S, C)], [byte_size(X) || X <- D], [bit_size(X) || X <- D],
     [bitstring_to_list(X) || X <- D], [X =:= begin <<Y:37>> = X, <<Y:37>> end || X <- D], lists:sort(S ++ D), [binary:part(X, 1, 2) || X <- S],
     [binary_to_list(X, 2, 3) || X <- S], [binary:first(X) || X <- S], [binary:copy(X) =:= X || X <- S], [erlang:crc32(X) || X <- S], [erlang:md5(X) =:= erlang:md5(Y) || {X, Y} <- lists:zip(S, C)],
     iolist_to_binary([S | hd(S)]), [list_to_bitstring([X, 1]) || X <- D], [split_binary(X, 2) || X <- S], [binary:split(X, <<(binary:at(X, 2))>>) || X <- S], list_to_bitstring([<<1:1>>, [<<1:1>>, <<255>>] | <<1:3>>])].
