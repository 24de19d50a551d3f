%% Writes match_spec.etf (kept as match_spec_RELEASE.etf): [{Subject, Specification, Dialect, Answer}] with the answers of erlang:match_spec_test/3.
%% erlc match_spec_record.erl && erl -noshell -eval "match_spec_record:main(), halt()."
% erlang:match_spec_test/3: results, flags, and the words for what is wrong.
-module(match_spec_record).
-export([main/0]).
r(S,M,T) -> {S,M,T,try erlang:match_spec_test(S,M,T) catch C:R->{C,R} end}.

m(B) -> r({1,[a],3},[{{'$1','$2','$3'},[],B}],table).
g(B) -> r({1,[a],3},[{{'$1','$2','$3'},B,['$_']}],table).
main() -> file:write_file("match_spec.etf", term_to_binary(cases())).
cases() ->
    [r({1,2},[{{'$1','$2'},[],['$2']}], table),
     r({1,2},[{{'$1',3},[],['$2']}], table),
     r({1,2},[{{'$1',3},[],['$1']}], table),
     r({1,2},[{{'$1',3},[{foo}],['$1']}], table),
     r({1,2},[{{'$1',3},[{hd}],['$1']}], table),
     r({1,2},[{{'$1',3},[],[]}], table),
     r({1,2},[{{'$1',3},[]}], table),
     r({1,2},[], table),
     r({1,2},foo, table),
     r({1,2},[foo], table),
     r({1,2},[{foo,[],[a]}], table),
     r({1,2},[{'$1',[],[a]}], table),
     r({1,2},[{'_',[],[{}]}], table),
     r({1,2},[{'_',[],[{message,a}]}], table),
     r({1,2},[{'_',x,[{message,a}]}], table),
     r({1,2},[{'_',[],x}], table),
     r({1,2},[{'_',[],[true|x]}], table),
     r({1,2},[{'_',[],[{{'$1',{foo}}}]}], table),
     r({1,2},[{'_',[],['$1','$2',{foo},{hd},{is_record,a,1}]}], table),
     r({1,2},[{'_',[],[{is_record,a,1}]}], table),
     r({1,2},[{'_',[],[{is_record,a,b}]}], table),
     r({1,2},[{'_',[],[{is_record,a,b,c}]}], table),
     r({1,2},[{'_',[],[{'and'}]}], table),
     r({1,2},[{'_',[],[{'andalso'}]}], table),
     r({1,2},[{'_',[],[{const}]}], table),
     r({1,2},[{'_',[],[{hd,1}]}], table),
     r({1,2},[{'_',[{hd,1}],[{hd,1}]}], table),
     r({1,2},[{'_',[],[{'$1'}]}], table),
     r({1,2},[{'_',[],[{{a},b}]}], table),
     r({1,2},[{'_',[],[{{a},b,c}]}], table),
     r({1,2},[{#{'$1'=>a},[],[1]}], table),
     r({1,2},[{'_',[],[{message,a}]}], table),
     r(a,[{'_',[],['$_']}], table),
     r([1,2],[{'_',[],['$_']}], trace),
     r([1,2],[{['$1','$2'],[],['$_']}], trace),
     r([1,2],[{['$1','$2'],[],['$$']}], trace),
     r([1,2],[{['$1','$2'],[],[true]}], trace),
     r([1,2],[{['$1','$2'],[],[]}], trace),
     r([1,2],[{['$1','$2','$3'],[],[]}], trace),
     r([1,2],[{['$1'|'_'],[],[]}], trace),
     r([1,2],[{{'$1'},[],[]}], trace),
     r([1,2],[{foo,[],[]}], trace),
     r([1,2],[{'$1',[],[]}], trace),
     r(foo,[{'_',[],[]}], trace),
     r({1},[{'_',[],[]}], trace),
     r([1,2],[{'_',[],[{message,a}]}], trace),
     r([1,2],[{'_',[],[{message,false}]}], trace),
     r([1,2],[{'_',[],[{message,'$1'}]}], trace),
     r([1,2],[{'_',[],[{return_trace}]}], trace),
     r([1,2],[{'_',[],[{exception_trace}]}], trace),
     r([1,2],[{'_',[{return_trace}],[]}], trace),
     r([1,2],[{'_',[{message,true}],[]}], trace),
     r([1,2],[{'_',[],[{hd,1}]}], trace),
     r([1,2],[{'_',[],[a,b]}], trace),
     r([1,2],[{'_',[],[a,{message,false}]}], trace),
     r([1,2],[{'_',[],[]}], foo),
     r([1,2],[{'_',[{hd}],[{foo},{foo,1},'$1']},{'_',[],['$2']}], trace),
     r({1,2},[{'_',[],[{call,1}]},{'_',[],[true]}], table)] ++
        [r([1], [{'_', [], [Y]}], trace) || Y <- [{hd,'$0'},{message},{is_record,a,b,3},{'xor',a},{'and',a,b},{'orelse',a,b}, {element,1,a}, {const,a,b}, {return_trace,a},{enable_trace,1,2},{is_atom,a,b},#{a=>'$1'},{{'$1'}}, {'+',a,b}]] ++ [m(X) || X <- [[{hd,'$1'}],[],['$4'],[{{'$1','$3'}}],[{'$1'}],['$$'],[[a,'$1']],[[a|'$1']],[#{a=>'$1','$2'=>b}],[{foo}],[{const,'$1'}],[{const}],[{const,1,2}],['$_','$1'],[{'andalso',true,1}],[{'andalso',1,true}],[{'andalso'}],[{'andalso',true}],[{'and'}],[{'and',true,true,false}],[{'and',true}],[{'orelse',false,foo}],
   [{is_record,'$_',1}],[{is_record,'$_',a,3}],[{is_record,{{a,b}},a}],[{is_record,'$_',a,x}],[{is_record,'$_',{const,a},3}],[{node}],[{node}],[{node,{node}}],[{caller}],[{message,a}],[{get_tcw}],[{element,1,'$_'}],[{exception_trace}],[{'+',1,a}],[{'not',1}],[{'xor',true,false}],[{'xor',true,false,true}],['_'],['$0'],[{{}}],[{}],[{size,'$_'}],[{map_get,a,#{a=>'$1'}}],[{min,1,2}],[{max,1,2}],[{byte_size,<<1>>}],[{binary_part,<<"abc">>,1,1}],[{binary_part,<<"abc">>,{{1,1}}}],[{ceil,1.5}],[{is_map_key,a,#{}}],[{is_function,a}],[{is_function,a,1}],[{is_bitstring,a}],[{tuple_size,'$_'}],[{is_boolean,true}],[{'bnot',1}],[{'-',1}],[{'+',1}],[{bit_size,<<1>>}],[{length,'$2'}],[{is_seq_trace}],[{display,1}],[{float,1}],[{'=:=',1,1}],[{is_tuple,'$_'}],[{'if',1,2}],[{tl,'$2'}],[{abs,-1}],[{round,1.5}],[{floor,1.5}],[{is_reference,1}],[{is_port,1}],[{is_pid,1}],[{is_list,1}],[{is_number,1}],[{is_constant,1}],[{is_integer,1,2,3}],[{{a,{hd,'$2'}}}],[{'/',1,2}],[{'div',1,0}],[{process_dump}],[{set_seq_token,1,2}],[{return_trace}],[{enable_trace,1}],[{silent,true}]]] ++ [m([X]) || X <- [{is_float,1},{is_map,1},{is_binary,1},{is_atom,1},{is_function,1},{is_constant,1},{map_size,1},{map_size,#{}},{trunc,1.5},{abs,1},{is_record,{{a,b}},a,2},{is_record,{{a,b}},a},{is_record,{{a,b}},{const,a},2},{is_integer,1,2},{'andalso',true,true,false},{'orelse',true,{hd,1}},{'or',true,false},{'or',true,a},{'or',false,false,true},{'and',a,true},{'and',false,a},{const,{'$1'}},{float,1},{'*',2,3},{'bsl',1,100},{'-',1,2},{'++',1,2},{'--',1,2},{'>=',1,2},{'=<',1,1},{'<',1,2},{'/=',1,2},{'=/=',1,1.0},{'!',1,2},{size,<<1,2>>},{size,a},{get_seq_token},{trace,a,b},{abs,a},{node,a},{self,1},{'xor',true},{'andalso',foo},{'orelse',foo},{'andalso',true,{hd,1}},{'andalso',false,{hd,1}},{element,4,'$_'},{float,a},{binary_part,<<1>>,{{0,2}}},
   {'$1',1},{"a",1},{1},#{'$1'=>{hd,'$2'}},[{hd,'$2'}|{tl,'$2'}],'$100', "abc", <<"x">>, 1.5, {is_list,[]}]] ++
        [g(X) || X <- [[{hd,'$1'}],[],[true],[false],[foo],['$4'],foo,[{'>','$1',0}|x],[{'==','$1',1.0}],[{'=:=','$1',1.0}]]] ++ [r({1,[a],3},X,table) || X <- [a,[],[a],[{a,b,c}],[{{'$1'},[],[]}],[{'_',[],['$_']}],[{'$1',[],['$1']}],[{'$1',[],['$_']}],[{'_',[],[true]},foo],[{{'_','_','_'},[],['$$']}],[{{'_','$7','$2'},[],['$$']}],[{{1,[a|'$1'],'_'},[],['$1']}],[{#{a=>'$1'},[],['$_']}],[{{'$1','$1','_'},[],['$_']}],[{{'$1','_','_'},[],x}],[{{'$1','_','_'},x,[x]}],[{{'$1','_','_'},[]}],[{{1,[a],3},[],['$_']}]]].
