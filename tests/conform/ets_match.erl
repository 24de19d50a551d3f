%% Match patterns and match specifications over tables, with guards, bodies, limits and continuations.
-module(ets_match).
-include_lib("stdlib/include/ms_transform.hrl").
-export([main/0]).
main() ->
    T = ets:new(m, [ordered_set]), ets:insert(T, [{I, I rem 3, [I, {x, I * I}], #{k => I}} || I <- lists:seq(1, 20)]), ets:insert(T, {21, a, "str", <<"bin">>}),
    S = fun(MS) -> try ets:select(T, MS) catch C:R -> {C, R} end end,
    Cont = fun L('$end_of_table') -> []; L({R, C}) -> [R | L(ets:select(C))] end,
    [ets:match(T, {'$1', 0, '_', '_'}), ets:match(T, {'$2', '$1', ['$3' | '_'], '_'}, 2) =/= [], ets:match_object(T, {'_', a, '_', '_'}), ets:match(T, {'$1', '$1', '_', '_'}),
     S([{{'$1', '$2', '_', '_'}, [{'>', '$1', 15}, {'==', '$2', 1}], ['$1']}]), S([{{'$1', '_', '_', '_'}, [{'<', '$1', 3}], ['$_']}]), S([{{'$1', '$2', '_', '_'}, [{'=:=', '$1', 2}], ['$$']}]),
     S([{{'$1', '$2', '_', '_'}, [{'orelse', {'=:=', '$1', 2}, {'=:=', '$2', a}}], [{{'$2', {const, {q}}, [], '$1'}}]}]), S([{{'$1', '_', '$3', '_'}, [{'is_list', '$3'}, {'=:=', {'rem', '$1', 7}, 0}], [{{{'+', '$1', 1}, {hd, '$3'}, {length, '$3'}}}]}]),
     S([{{'$1', '_', '_', '$4'}, [{is_map, '$4'}, {'>', {map_get, k, '$4'}, 18}], ['$4']}]), S([{{'$1', '_', '_', '_'}, [{'=:=', {'/', '$1', 0}, 1}], ['$1']}]), S([{{'$1', '_', '_', '_'}, [{'and', {'>', '$1', 3}, {'<', '$1', 6}}], [{element, 1, '$_'}]}]),
     S([{{5, '_', '_', '_'}, [], [self_is]}, {{6, '_', '_', '_'}, [], [[list, 'of', '$_']]}]), S([{{'$1', '_', '_', '_'}, [{bad, 1}], ['$1']}]), S([{{'$1', '_', '_', '_'}, [{'>', '$9', 1}], ['$1']}]), S(notaspec),
     Cont(ets:select(T, [{{'$1', '_', '_', '_'}, [], ['$1']}], 6)), ets:select_reverse(T, [{{'$1', 2, '_', '_'}, [], ['$1']}]), ets:select_count(T, [{{'_', 1, '_', '_'}, [], [true]}]), ets:select_delete(T, [{{'_', 1, '_', '_'}, [], [true]}]),
     ets:select_replace(T, [{{'$1', 2, '$3', '$4'}, [{'<', '$1', 9}], [{{'$1', two, '$3', '$4'}}]}]), ets:match_delete(T, {'_', 0, '_', '_'}), ets:tab2list(T),
     ets:test_ms({1, 2}, [{{'$1', '$2'}, [{'<', '$1', '$2'}], [{{'$2', '$1'}}]}]), ets:match_spec_run([{1}, {2}, {3}], ets:match_spec_compile([{{'$1'}, [{'>', '$1', 1}], ['$1']}])), ets:fun2ms(fun({A, B}) when A > B -> A end)].
