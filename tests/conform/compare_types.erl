%% The order of all types, == against =:=, numbers of both kinds.
-module(compare_types).
-export([main/0]).
main() ->
    P = self(), R = make_ref(), F = fun main/0, Port = hd(erlang:ports()),
    L = [<<1>>, "list", [], #{}, {1}, P, Port, F, R, atom, 1, 1.0, -5, 3.5, <<>>, <<1:3>>, [1], [1.0], {}, {a, b}, #{a => 1}, #{1 => a}, #{1.0 => a}, 1 bsl 70, -(1 bsl 70), 1.0e30],
    Name = fun(X) when is_pid(X) -> pid; (X) when is_reference(X) -> ref; (X) when is_function(X) -> f; (X) when is_port(X) -> port; (X) -> X end,
    [[Name(X) || X <- lists:sort(L)], [Name(X) || X <- lists:usort(L)],
     [{X == Y, X =:= Y, X < Y, X =< Y} || {X, Y} <- [{1, 1.0}, {[1], [1.0]}, {{1}, {1.0}}, {#{a => 1}, #{a => 1.0}}, {#{1 => a}, #{1.0 => a}}, {0.0, -0.0}, {1 bsl 60, float(1 bsl 60)}, {(1 bsl 60) + 1, float(1 bsl 60)}, {9007199254740993, 9007199254740992.0}, {1 bsl 1023, 8.98846567431158e307}]],
     lists:max(L) =:= <<1>>, lists:min(L), "abc" < "abd", "ab" < "abc", [1 | 2] < [1, 2], {9} < {1, 1}, #{z => 1} < #{a => 1, b => 1}, #{a => 2} < #{b => 1}, <<1, 2>> < <<1, 2:9>>, <<2:3>> < <<1>>, a < 'A', aa < ab].
