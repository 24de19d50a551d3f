%% Packed terms are the same bytes; what gets no longer by packing is packed.
-module(packed_terms).
-export([main/0]).
main() ->
    T = {debug_info_v1, erl_abstract_code, {none, [deterministic, nowarn_unused_vars]}},
    [term_to_binary(T, [compressed]),
     [erlang:md5(term_to_binary(X, [{compressed, L}])) || L <- [1, 6, 9], X <- [lists:seq(1, 2000), lists:duplicate(300, T), abc]],
     [erlang:md5(zlib:gzip(lists:seq(0, 255))), erlang:md5(zlib:compress(lists:duplicate(5000, "some text")))]].
