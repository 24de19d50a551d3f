%% Maps with few keys: making, updating, matching, order of keys, what is raised. (25 only)
-module(map_small).
-export([main/0, id/1]).
t(F) -> try F() catch C:R -> {C, R} end.
id(X) -> X.
main() ->
    M = #{b => 2, a => 1, 3 => c, "x" => y, 1.5 => f, {t} => t},
    #{a := A, "x" := X} = M,
    [M, A, X, maps:keys(M), maps:values(M), maps:to_list(M), M#{a := 9, z => 0}, maps:size(M), map_size(#{}), maps:get(b, M), maps:get(q, M, d),
     maps:find(b, M), maps:find(q, M), maps:is_key(3, M), maps:is_key(3.0, M), maps:put(a, 0, M), maps:remove(a, M), maps:remove(q, M) =:= M,
     maps:merge(M, #{a => merged, new => 1}), maps:with([a, b, q], M), maps:without([a, b], M), maps:take(a, M), maps:take(q, M),
     maps:fold(fun(K, V, Acc) -> [{K, V} | Acc] end, [], M), maps:map(fun(_, V) -> {V} end, M), maps:filter(fun(K, _) -> is_atom(K) end, M),
     maps:from_keys([a, b, a], v), maps:update_with(a, fun(V) -> V + 1 end, M), maps:groups_from_list(fun(V) -> V rem 2 end, [1, 2, 3]),
     t(fun() -> (id(M))#{nokey := 1} end), t(fun() -> (id(not_map))#{a => 1} end), t(fun() -> maps:get(q, M) end), t(fun() -> maps:get(q, notmap) end),
     t(fun() -> maps:update(q, 1, M) end), t(fun() -> #{q := _} = id(M) end), t(fun() -> map_get(q, id(M)) end), t(fun() -> map_size(id([])) end),
     [K || K <- [a, q], is_map_key(K, M)], #{1 => a, 1.0 => b}].
