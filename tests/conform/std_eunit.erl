%% EUnit runs tests and tells the outcome; assertion macros.
-module(std_eunit).
-export([main/0, ok_test/0, gen_test_/0]).
-include_lib("eunit/include/eunit.hrl").
ok_test() -> ?assertEqual(2, 1 + 1).
gen_test_() -> [?_assert(true), {"named", ?_assertError(badarith, 1 / zero())}, {setup, fun() -> 5 end, fun(_) -> ok end, fun(X) -> ?_assertEqual(5, X) end}].
zero() -> list_to_integer("0").
t(F) -> try F() catch error:{A, L} -> {A, [X || {K, _} = X <- L, lists:member(K, [expected, value, expression])]} end.
main() -> [eunit:test({timeout, 5, fun() -> ok end}, []), t(fun() -> ?assertEqual(1, zero()) end), t(fun() -> ?assertMatch({ok, _}, zero()) end), t(fun() -> ?assert(zero() =:= 1) end), [catch F() || F <- [fun ok_test/0]]].
