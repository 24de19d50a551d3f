%% The external format: bytes of all types, options, and back.
-module(ttb).
-export([main/0]).
-record(r, {a, b = 2}).
main() ->
    L = [0, 255, 256, -1, 2147483647, 2147483648, -2147483648, -2147483649, 1 bsl 62, 1 bsl 64, -(1 bsl 2040), 1 bsl 2048, 1.5, -0.0, a, 'åäö', '', true, [], "abc", [1, 2 | 3], [300], lists:duplicate(3, []), {}, {a, 1}, list_to_tuple(lists:seq(1, 300)), <<>>, <<1, 2>>, <<5:3>>, #{}, #{a => 1, "k" => {}}, #r{a = 1}, fun lists:map/2, binary:copy(<<"q">>, 300), lists:duplicate(70000, 1)],
    [[begin B = term_to_binary(X), case byte_size(B) of S when S < 300 -> B; S -> {S, erlang:phash2(B)} end end || X <- L], [binary_to_term(term_to_binary(X)) =:= X || X <- L], [term_to_binary(X, [{minor_version, M}]) || X <- [1.5, a, 'å'], M <- [0, 1, 2]],
     [binary_to_term(term_to_binary(X, [compressed])) =:= X || X <- L], byte_size(term_to_binary(lists:duplicate(1000, x), [compressed])) < 200, [binary_to_term(term_to_binary(X, [{compressed, 9}, {minor_version, 1}])) =:= X || X <- L], [erlang:external_size(X) =:= byte_size(term_to_binary(X)) || X <- L], iolist_to_binary(term_to_iovec(L)) =:= term_to_binary(L),
     binary_to_term(<<131, 97, 5, 1, 2, 3>>, [used]), binary_to_term(term_to_binary([1, a]), [safe]), binary_to_term(<<131, 100, 0, 1, $x>>), binary_to_term(<<131, 99, (list_to_binary(string:pad("1.50000000000000000000e+00", 31, trailing, 0)))/binary>>), binary_to_term(<<131, 107, 0, 2, 1, 2>>),
     [begin P2 = binary_to_term(term_to_binary(P)), P2 =:= P end || P <- [self(), make_ref(), hd(erlang:ports()), fun() -> L end]],
     [try binary_to_term(B, O) catch C:R -> {C, R} end || {B, O} <- [{<<>>, []}, {<<131>>, []}, {<<130, 97, 1>>, []}, {<<131, 98, 1>>, []}, {<<131, 255>>, []}, {<<131, 119, 3, "zzq">>, [safe]}, {<<131, 108, 255, 255, 255, 255, 106>>, []}, {<<131, 104, 2, 97, 1>>, []}, {<<131, 116, 0, 0, 0, 1, 97, 1>>, []}, {<<131, 109, 0, 0, 0, 9, 1>>, []}, {<<131, 77, 0, 0, 0, 1, 9, 255>>, []}, {<<131, 80, 0, 0, 0, 5, 1, 2>>, []}, {notbin, []}, {<<131, 97, 1>>, [bad]}]]].
