<?php
// Queue one call of an application. After the vendor's "Queue Call".
$server = getenv('CALLWRIGHT_URL') ?: 'http://127.0.0.1:8080';
$email = getenv('CALLWRIGHT_USER') ?: 'admin@example.com';
$developer_key = getenv('CALLWRIGHT_KEY') ?: '';
$application_id = getenv('APPLICATION_ID') ?: '1';
$deployment_id = getenv('DEPLOYMENT_ID') ?: '1';
$phone_number = getenv('PHONE_NUMBER') ?: 'tel:16175550100;ani=2125551234;postd=2';
$result_url = getenv('RESULT_URL') ?: '';

$url = $server.'/api/apps/'.$application_id.'/'.$deployment_id.'/queue';
$params = array(
  'phone_number' => $phone_number,
  'max_attempts' => 2,
  'reattempt_wait' => 60,
  'metadata' => json_encode(array('first_name' => 'Zoë', 'last_name' => 'O\'Neil & Sons')),
  'result_url' => $result_url
);

$ch = curl_init();
curl_setopt($ch, CURLOPT_USERPWD, $email.':'.$developer_key);
curl_setopt($ch, CURLOPT_POST, 1);
curl_setopt($ch, CURLOPT_POSTFIELDS, $params);
curl_setopt($ch, CURLOPT_URL, $url);
curl_setopt($ch, CURLOPT_RETURNTRANSFER, 1);
curl_setopt($ch, CURLOPT_HTTPHEADER, array("Accept: application/json", "Content-type: multipart/form-data"));
$result = curl_exec($ch);
$http_code = curl_getinfo($ch, CURLINFO_HTTP_CODE);
curl_close($ch);
var_dump($result);
var_dump($http_code);
