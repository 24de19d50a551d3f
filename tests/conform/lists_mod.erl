%% The lists module over ordinary and awkward arguments.
-module(lists_mod).
-export([main/0]).
main() ->
    L = [3, 1, 2, 3.0, a, {b}, 1], K = [{1, a}, {2, b}, {1.0, c}, {3}],
    [lists:reverse(L), lists:reverse([1, 2], tail), lists:sort(L), lists:usort(L), lists:sort(fun(A, B) -> A >= B end, L), lists:append([[1], [], [2, 3]]), lists:flatten([1, [2, [3, []], 4]]), lists:member(3.0, L), lists:member(4, L),
     lists:keyfind(1.0, 1, K), lists:keyfind(3, 1, K), lists:keymember(b, 2, K), lists:keysearch(2, 1, K), lists:keysort(1, K), lists:ukeysort(1, K), lists:keydelete(2, 1, K), lists:keyreplace(2, 1, K, {new}), lists:keystore(9, 1, K, {9}), lists:keytake(2, 1, K), lists:keymap(fun atom_to_list/1, 2, [{1, a}]),
     lists:nth(2, L), lists:nthtail(3, L), lists:last(L), lists:sublist(L, 2, 3), lists:split(2, L), lists:partition(fun is_integer/1, L), lists:zip([1, 2], [a, b]), lists:unzip3([{1, a, x}, {2, b, y}]), lists:seq(10, 1, -3), lists:seq(1, 0), lists:duplicate(3, x),
     lists:foldr(fun(X, A) -> [X | A] end, [], L), lists:mapfoldl(fun(X, A) -> {{X}, A + 1} end, 0, L), lists:takewhile(fun is_integer/1, L), lists:dropwhile(fun is_integer/1, L), lists:splitwith(fun is_integer/1, L), lists:delete(1, L), lists:subtract(L, [1, a]), L -- [3.0], L ++ tail, [1, 2, 1, 3] -- [1, 1, 1],
     lists:prefix([3, 1], L), lists:suffix([1], L), lists:max([1, 2.0]), lists:min([1, 1.0]), lists:sum([1, 2.5]), lists:all(fun is_atom/1, []), lists:any(fun is_atom/1, L), lists:filtermap(fun(X) when is_integer(X) -> {true, -X}; (_) -> false end, L), lists:join(x, [1, 2, 3]), lists:concat([a, 1, 2.5, "s"]),
     lists:merge([1, 3], [2, 4]), lists:umerge([[1, 2], [2, 3]]), lists:droplast([1, 2]), lists:search(fun(X) -> X > 1 end, [1, 2, 3]), lists:uniq([1, 2, 1, 3.0, 3]), lists:enumerate([a, b]),
     [try F() catch C:R -> {C, R} end || F <- [fun() -> lists:reverse([1 | 2]) end, fun() -> lists:nth(0, [1]) end, fun() -> lists:member(x, foo) end, fun() -> lists:keyfind(1, 0, []) end, fun() -> lists:flatten(x) end, fun() -> length([1 | 2]) end, fun() -> hd([]) end, fun() -> tl([]) end, fun() -> [1 | 2] ++ [3] end, fun() -> [1 | 2] -- [3] end, fun() -> lists:seq(1, 5, 0) end, fun() -> lists:keyfind(1, 1, [{1} | x]) end]]].
