%% Guards: what fails silently, and, or, andalso, orelse, type tests, guard BIFs.
-module(guards).
-export([main/0]).
k(X) when is_atom(X) -> atom; k(X) when is_float(X) -> float; k(X) when is_integer(X), X > 100; X =:= 7 -> special; k(X) when is_integer(X) -> int;
k(X) when is_function(X, 1) -> fun1; k(X) when is_function(X) -> fn; k(X) when is_list(X), length(X) > 2 -> long; k(X) when is_list(X) -> list;
k(X) when is_tuple(X), tuple_size(X) =:= 2, element(1, X) =:= k -> kv; k(X) when is_tuple(X) -> tuple; k(X) when is_map_key(a, X) -> hasa; k(X) when is_map(X) -> map;
k(X) when is_binary(X) -> bin; k(X) when is_bitstring(X) -> bits; k(X) when is_pid(X) -> pid; k(X) when is_reference(X) -> ref; k(X) when is_port(X) -> port; k(_) -> none.
g(X) when hd(X) > 1; X =:= z -> yes; g(_) -> no.
h(X) when X + 1 > 2 orelse X =:= a -> yes; h(_) -> no.
i(X) when (X > 1) and (length(X) > 0) -> yes; i(_) -> no.
j(X, Y) when not (X > Y) xor is_atom(X) -> yes; j(_, _) -> no.
l(X) when abs(X) > 3, trunc(X) rem 2 =:= 0 -> yes; l(X) when byte_size(X) > 2; bit_size(X) =:= 3 -> sized; l(_) -> no.
main() ->
    [[k(X) || X <- [a, 1.0, 7, 8, 1000, fun(_) -> 1 end, fun() -> 1 end, [1, 2, 3], [1], [1, 2 | 3], {k, v}, {v, k}, {}, #{a => 1}, #{b => 1}, <<1>>, <<1:1>>, self(), make_ref(), hd(erlang:ports())]],
     [g(X) || X <- [[2], [1], [], z, q, {}]], [h(X) || X <- [a, 1, 2, b, []]], [i(X) || X <- [[], [a], 5, a]], [j(X, Y) || X <- [1, 2, a], Y <- [1, b]], [l(X) || X <- [-4, -4.5, 5, <<1, 2, 3>>, <<1:3>>, <<>>, a]]].
