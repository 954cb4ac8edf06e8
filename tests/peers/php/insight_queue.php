<?php
// Queue one call of a survey. After the vendor's "Queuing an Outbound Call".
$server = getenv('CALLWRIGHT_URL') ?: 'http://127.0.0.1:8080';
$username = getenv('CALLWRIGHT_USER') ?: 'admin@example.com';
$password = getenv('CALLWRIGHT_KEY') ?: '';
$survey_id = getenv('SURVEY_ID') ?: '2';
$instance_id = getenv('INSTANCE_ID') ?: '2';
$phone_number = getenv('PHONE_NUMBER') ?: 'tel:16175550100;ani=2125551234;postd=2';
$result_url = getenv('RESULT_URL') ?: '';

$ch = curl_init();
$url = $server.'/api/surveys/'.$survey_id.'/'.$instance_id.'/queue';
$params = array(
	'phone_number' => $phone_number,
	'metadata' => array('first_name' => 'Zoë'),
	'result_url' => $result_url,
	);
curl_setopt($ch, CURLOPT_USERPWD, $username.":".$password);
curl_setopt($ch, CURLOPT_POST, 1);
curl_setopt($ch, CURLOPT_POSTFIELDS, http_build_query($params));
curl_setopt($ch, CURLOPT_URL, $url);
curl_setopt($ch, CURLOPT_RETURNTRANSFER, 1);
curl_setopt($ch, CURLOPT_HEADER, 1);
curl_setopt($ch, CURLOPT_HTTPHEADER, array("Accept: application/json", "Content-type: application/x-www-form-urlencoded"));
$result = curl_exec($ch);
$http_code = curl_getinfo($ch, CURLINFO_HTTP_CODE);
curl_close($ch);
var_dump($result);
var_dump($http_code);
